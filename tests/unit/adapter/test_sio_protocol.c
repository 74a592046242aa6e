/* Socket.IO over one WebSocket: what the protocol says of CONNECT, DISCONNECT, events and
 * acknowledgements, sound and not. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/adapter/rig.h"
#include "tests/unit/adapter/sio_echo.h"

static struct rig rig;

static void setup(void) {
    sio_echo_opened = sio_echo_ended = 0;
    rig_init(&rig, &sio_echo, NULL, NULL, NULL);
}

static void teardown(void) {
    rig_fini(&rig);
    cr_expect_eq(sio_echo_opened, sio_echo_ended);
}

TestSuite(sio_protocol, .init = setup, .fini = teardown);

static int engine(void) {
    int ws = rig_socket(&rig, "/echo/io/?EIO=4&transport=websocket", "");
    const char *frames = rig_frames(&rig, ws);

    cr_expect_eq(strncmp(frames, "0{\"sid\":\"", 9), 0);
    cr_expect_not_null(strstr(frames, "\",\"upgrades\":[],\"pingInterval\":"));
    return ws;
}

/* Sends CONNECT; expects that packet with a sid, and then the event. */
static void expect_joined(int ws, const char *connect, const char *packet, const char *event) {
    const char *frames;

    rig_send(&rig, ws, connect);
    frames = rig_frames(&rig, ws);
    cr_expect_eq(strncmp(frames, packet, strlen(packet)), 0, "%s", frames);
    cr_expect_not_null(strstr(frames, event), "%s", frames);
}

static int joined(void) {
    int ws = engine();

    expect_joined(ws, "40", "40{\"sid\":\"", "\n42[\"auth\",{}]\n");
    return ws;
}

Test(sio_protocol, a_connect_may_bring_an_object) {
    static const struct {
        const char *connect, *packet, *event;
    } rows[] = {
        { "40", "40{\"sid\":\"", "\n42[\"auth\",{}]\n" },
        { "40{\"token\":\"123\"}", "40{\"sid\":\"", "\n42[\"auth\",{\"token\":\"123\"}]\n" },
        { "40/custom", "40/custom,{\"sid\":\"", "\n42/custom,[\"auth\",{}]\n" },
        { "40/custom,", "40/custom,{\"sid\":\"", "\n42/custom,[\"auth\",{}]\n" },
        { "40/custom,{\"a\":{\"b\":[]}}", "40/custom,{\"sid\":\"",
          "\n42/custom,[\"auth\",{\"a\":{\"b\":[]}}]\n" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int ws = engine();

        expect_joined(ws, rows[i].connect, rows[i].packet, rows[i].event);
        close(ws);
    }
}

Test(sio_protocol, an_unknown_namespace_is_refused_and_no_more) {
    int ws = engine();

    rig_send(&rig, ws, "40/random");
    cr_expect_str_eq(rig_frames(&rig, ws), "44/random,{\"message\":\"Invalid namespace\"}\n");
    rig_send(&rig, ws, "40/random,{\"token\":1}");
    cr_expect_str_eq(rig_frames(&rig, ws), "44/random,{\"message\":\"Invalid namespace\"}\n");
    expect_joined(ws, "40", "40{\"sid\":\"", "\n42[\"auth\",{}]\n");
    close(ws);
}

Test(sio_protocol, leaving_a_namespace_leaves_the_connection) {
    int ws = joined();

    rig_send(&rig, ws, "41");
    cr_expect_eq(sio_echo_ended, 1);
    cr_expect_str_eq(rig_frames(&rig, ws), "");
    expect_joined(ws, "40/custom", "40/custom,{\"sid\":\"", "\n42/custom,[\"auth\",{}]\n");
    expect_joined(ws, "40", "40{\"sid\":\"", "\n42[\"auth\",{}]\n");
    rig_send(&rig, ws, "41/custom");
    rig_send(&rig, ws, "42[\"message\",\"to the main namespace\"]");
    cr_expect_str_eq(rig_frames(&rig, ws), "42[\"message\",\"to the main namespace\"]\n");
    close(ws);
}

Test(sio_protocol, events_and_acknowledgements) {
    static const struct {
        const char *sent, *came;
    } rows[] = {
        { "42[\"message\",1,\"2\",{\"3\":[true]}]", "42[\"message\",1,\"2\",{\"3\":[true]}]\n" },
        { "42[7]", "42[7]\n" },
        { "420[\"x\"]", "430[\"x\"]\n" },
        { "42456[\"message\",1,\"2\",{\"3\":[false]}]",
          "43456[\"message\",1,\"2\",{\"3\":[false]}]\n" },
        /* One that nobody has asked for. */
        { "431[]", "" },
        { "429007199254740991[\"x\"]", "439007199254740991[\"x\"]\n" },
    };
    int ws = joined();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rig_send(&rig, ws, rows[i].sent);
        cr_expect_str_eq(rig_frames(&rig, ws), rows[i].came);
    }
    close(ws);
}

Test(sio_protocol, binary_events_and_acknowledgements) {
    static const char args[] = "[\"m\",{\"_placeholder\":true,\"num\":0},"
                               "{\"a\":{\"_placeholder\":true,\"num\":1}}]";
    static const char *const heads[][2] = { { "452-", "452-" }, { "452-789", "462-789" } };
    int ws = joined();

    for (size_t i = 0; i < 2; i++) {
        char text[256], came[256];

        (void)snprintf(text, sizeof(text), "%s%s", heads[i][0], args);
        (void)snprintf(came, sizeof(came), "%s%s\n\1\2\3\n\4\n", heads[i][1], args);
        rig_send(&rig, ws, text);
        rig_send_kind(&rig, ws, 2, "\1\2\3", 3);
        cr_expect_str_eq(rig_frames(&rig, ws), "");
        rig_send_kind(&rig, ws, 2, "\4", 1);
        cr_expect_str_eq(rig_frames(&rig, ws), came);
    }
    close(ws);
}

Test(sio_protocol, violations_close_the_connection) {
    static const char *const bad[] = {
        "4abc", "4", "42", "42{}", "42[]", "42[{}]", "42abc[\"x\"]", "42-1[\"x\"]",
        "42[\"x\"", "42[\"connect\"]", "42[\"disconnect\"]", "42/custom,[\"not joined\"]", "43[]",
        "431{}", "41{}", "40", "40[]", "44{}", "45[\"x\"]", "451[\"x\"]",
        "451-[\"x\"]\x1e", "47", "2", "2probe", "8", "", "b",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int ws = joined();

        rig_send(&rig, ws, bad[i]);
        /* What waits for attachments is judged by the next packet. */
        rig_send(&rig, ws, "42[\"late\"]");
        cr_expect_eq(strncmp(rig_frames(&rig, ws), "close ", 6), 0, "%s", bad[i]);
        close(ws);
    }
}

Test(sio_protocol, an_attachment_nobody_waits_for_closes_the_connection) {
    int ws = joined();

    rig_send_kind(&rig, ws, 2, "\1", 1);
    cr_expect_eq(strncmp(rig_frames(&rig, ws), "close ", 6), 0);
    close(ws);
}

Test(sio_protocol, what_changes_nothing) {
    int ws = joined();

    rig_send(&rig, ws, "3");
    rig_send(&rig, ws, "6");
    cr_expect_str_eq(rig_frames(&rig, ws), "");
    rig_send(&rig, ws, "1");
    cr_expect_eq(strncmp(rig_frames(&rig, ws), "close", 5), 0);
    close(ws);
}
