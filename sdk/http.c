#include <dragoman/adapter.h>

int dm_http_status(enum dm_status status) {
    switch (status) {
    case DM_OK: return 200;
    case DM_HELD: return 202;
    case DM_INVALID:
    case DM_SELF: return 400;
    case DM_UNAUTHENTICATED:
    case DM_TOKEN_EXPIRED: return 401;
    case DM_FORBIDDEN:
    case DM_BLOCKED:
    case DM_NOT_FRIEND: return 403;
    case DM_NO_USER:
    case DM_NO_THREAD:
    case DM_NO_MESSAGE:
    case DM_NO_FILE:
    case DM_NO_REQUEST: return 404;
    case DM_OFFLINE:
    case DM_EXISTS: return 409;
    case DM_TOO_LARGE: return 413;
    case DM_LIMITED: return 429;
    case DM_UNAVAILABLE: return 503;
    case DM_INTERNAL:
    case DM_STATUS_COUNT: break;
    }
    return 500;
}

const char *dm_http_reason(int status) {
    switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 413: return "Payload Too Large";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "Error";
    }
}

void dm_respond_text(struct dm_session *session, int status, const char *key, const char *text) {
    struct dm_response response = { 0 };
    struct dm_out *out = dm_out(session);

    response.status = status;
    dm_put_object(out, NULL);
    dm_put_str(out, key, text ? text : dm_http_reason(status));
    dm_put_end(out);
    dm_respond(session, &response, out);
}
