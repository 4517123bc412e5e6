/* compile.c: compiles a file N times with Lua in C, as `lua-runner --compile N` does with ours. */
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments) {
  if (count != 3) return 2;
  int times = atoi(arguments[1]);
  FILE *file = fopen(arguments[2], "rb");
  if (!file) return 1;
  static char text[1 << 22];
  size_t size = fread(text, 1, sizeof text, file);
  fclose(file);
  lua_State *lua = luaL_newstate();
  for (int i = 0; i < times; i++) {
    if (luaL_loadbuffer(lua, text, size, "=program") != 0) return 1;
    lua_pop(lua, 1);
  }
  lua_close(lua);
  return 0;
}
