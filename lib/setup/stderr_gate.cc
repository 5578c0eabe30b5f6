// Two functions for Node, close() and open(): between them, what this process writes to file descriptor 2 is dropped.
// TensorFlow greets there while it loads, before any of its log settings count.
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

static int saved = -1;

static napi_value CloseGate(napi_env, napi_callback_info) {
  if (saved != -1) return nullptr;
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere == -1) return nullptr;
  saved = fcntl(2, F_DUPFD_CLOEXEC, 3);
  if (saved != -1) dup2(nowhere, 2);
  close(nowhere);
  return nullptr;
}

static napi_value OpenGate(napi_env, napi_callback_info) {
  if (saved == -1) return nullptr;
  dup2(saved, 2);
  close(saved);
  saved = -1;
  return nullptr;
}

NAPI_MODULE_INIT() {
  napi_value function;
  if (napi_create_function(env, "close", NAPI_AUTO_LENGTH, CloseGate, nullptr, &function) == napi_ok) {
    napi_set_named_property(env, exports, "close", function);
  }
  if (napi_create_function(env, "open", NAPI_AUTO_LENGTH, OpenGate, nullptr, &function) == napi_ok) {
    napi_set_named_property(env, exports, "open", function);
  }
  return exports;
}
