"""What is told to principals who are gone, and to those who never had a part."""

from dialects import PEERS, make_user, until
from opcode_client import rest

CHAT_MEMBERS = "select count(*) from members where thread_id = {}"


def waits_for_lock(gw):
    return gw.psql("select count(*) from pg_locks where not granted") != [("0",)]


def test_answer_comes_after_the_token_is_revoked(make_gateway):
    gw = make_gateway()
    ann, bob = make_user(gw), make_user(gw)
    peer = PEERS["casamsa"](gw, ann)
    chat = peer.ask("create_chat", "chat_created", users=[bob["id"]], title="club")["chat"]["id"]
    with gw.psql_session("begin", f"select 1 from threads where id = {chat} for update") as lock:
        peer.call("remove_from_chat", chat=chat, users=[bob["id"], ann["id"]])
        until(lambda: waits_for_lock(gw), "the removal waits")
        gw.cli("token", "revoke", ann["token"])
        assert peer.event("error")["type"] == "authorization_error"
        lock("commit")
    assert set(peer.event("user_removed_successful")["user_ids"]) == {ann["id"], bob["id"]}
    assert peer.is_silent()
    assert gw.psql(CHAT_MEMBERS.format(chat)) == [("0",)]
    assert gw.process.poll() is None


def test_chats_of_others_are_not_there(gateway):
    gw = gateway
    ann, bob, tom = make_user(gw), make_user(gw), make_user(gw, role="TUTOR")
    with PEERS["casamsa"](gw, ann) as peer:
        chat = peer.ask("create_chat", "chat_created", users=[bob["id"]], title="club")["chat"]
    uuid = gw.psql(f"select uuid from threads where id = {chat['id']}")[0][0]
    assert rest(gw, "POST", f"/thread/{uuid}/approve", tom["token"])[0] == 404
    assert rest(gw, "POST", f"/thread/{uuid}/block", tom["token"])[0] == 404
