"""Files of messages: large ones, and for long."""

import base64

from dialects import CasamsaPeer, SaletickPeer, get, make_user
from wire import call


def test_large_files_delay_no_message(gateway):
    """Ten megabytes in one frame; meanwhile others talk."""
    ada, bob = make_user(gateway), make_user(gateway)
    data = base64.b64encode(bytes(range(256)) * 40960).decode()
    with CasamsaPeer(gateway, ada) as peer, SaletickPeer(gateway, bob) as sale, \
            SaletickPeer(gateway, ada) as other:
        peer.call("send_message", chat=peer.chat_with(bob), event_response_key=1,
                  files=[{"name": "big.bin", "data": data}])
        for n in range(50):
            other.say(bob, f"{n}")
        texts = [seen.text for seen in sale.collect(pushed=51)]
        assert [text for text in texts if "/files/" not in text] == [f"{n}" for n in range(50)]
        message = peer.event("message_created")["message"]
        while not message["attached_files"]:
            message = peer.event("message_created")["message"]
        url = message["attached_files"][0]["file"]
        answer = call(gateway.url, path=url[len(gateway.url):])
        assert (answer.status, len(answer.body)) == (200, 256 * 40960)
        assert answer.body == bytes(range(256)) * 40960
        # Three that are more than sixteen megabytes together.
        peer.call("send_message", chat=peer.chat_with(bob), event_response_key=2,
                  files=[{"name": "a", "data": data[:8100000]}] * 3)
        error = peer.event("error")
        assert (error["type"], error["event_response_key"]) == ("field_error", 2)
        # One byte more than ten megabytes.
        over = base64.b64encode(bytes(10485761)).decode()
        peer.call("send_message", chat=peer.chat_with(bob), text="x", event_response_key=3,
                  files=[{"name": "a", "data": over}])
        error = peer.event("error")
        assert (error["type"], error["event_response_key"]) == ("field_error", 3)
        assert sale.is_silent()


def test_files_survive_a_restart(make_gateway):
    gateway = make_gateway()
    ada, bob = make_user(gateway), make_user(gateway)
    with CasamsaPeer(gateway, ada) as peer:
        peer.call("send_message", chat=peer.chat_with(bob), files=[
            {"name": "grüße.txt", "data": base64.b64encode(b"kept").decode()}])
        file, = peer.event("message_created")["message"]["attached_files"]
    path = file["file"][len(gateway.url):]
    gateway.restart()
    answer = call(gateway.url, path=path)
    assert (answer.status, answer.body) == (200, b"kept")
    assert "filename*=UTF-8''gr%C3%BC%C3%9Fe.txt" in answer.headers["content-disposition"]
    message, = get(gateway, f"/saletick/chat/messages/{ada['uuid']}/",
                   bob["token"])[1]["entity"]["messages"]
    assert message["message"].startswith(gateway.url + f"/files/{file['id']}/")
