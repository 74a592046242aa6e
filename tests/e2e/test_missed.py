"""What came while nobody was there, told at the login."""

from dialects import PEERS, make_user


def test_long_messages_are_not_too_much_at_once(make_gateway):
    gw = make_gateway(settings={"pymessage.offline": "store"})
    ann, bob = make_user(gw), make_user(gw)
    texts = [f"{i} ".ljust(60000, "x") for i in range(100)]
    with PEERS["opcode"](gw, ann) as sender:
        for text in texts:
            sender.say(bob, text)
        sender.collect(sent=len(texts))
    with PEERS["pymessage"](gw, bob) as reader:
        assert [seen.text for seen in reader.collect(pushed=len(texts))] == texts
        assert reader.is_silent()
    with PEERS["pymessage"](gw, bob) as again:
        assert again.is_silent()
