"""Adapters that tests build as shared objects, as a stranger would: from the installed package."""

import sdk

HEADER = "#include <dragoman/adapter.h>\n"

# Says every message back; {members} and {before} vary it.
SOURCE = """
#include <stddef.h>

static const char *frame(struct dm_session *session, const struct dm_frame *frame) {{
    struct dm_out *out = dm_out(session);

    dm_put_raw(out, dm_setting_str(session->instance, "prefix"));
    dm_put_raw(out, frame->data);
    dm_frame_end(out, frame->kind, "say");
    return "say";
}}

static const struct dm_route routes[] = {{
    {{ .transport = DM_WEBSOCKET, .path = "/say", .id = 1 }},
}};

static const struct dm_setting settings[] = {{
    {{ .key = "prefix", .kind = DM_SETTING_STRING, .fallback = "", .doc = "stands before it" }},
    {{ .key = "often", .kind = DM_SETTING_INT, .fallback = "1", .min = 1, .max = 9,
      .doc = "a number" }},
}};

{before}

DM_ADAPTER_DEFINE = {{
    .size = sizeof(struct dm_adapter),
    .abi_major = DM_ABI_MAJOR,
    .abi_minor = DM_ABI_MINOR,
    .name = "say",
    .title = "Says it again",
    .version = "0.1",
    .flags = DM_ADAPTER_ANONYMOUS,
    .routes = DM_TABLE(routes),
    .settings = DM_TABLE(settings),
    .frame = frame,
    {members}
}};
"""


def build(folder, name, source=None, members="", before=""):
    """Compiles a shared object below `folder`; returns its path."""
    text = source if source is not None else SOURCE.format(members=members, before=before)
    made = folder / f"{name}.so"
    (folder / f"{name}.c").write_text(HEADER + text)
    sdk.installed().compile("-std=c11", "-Wall", "-Wextra", "-Werror", "-Wno-override-init",
                            "-fPIC", "-shared", "-fvisibility=hidden", str(folder / f"{name}.c"),
                            "-o", str(made))
    return made
