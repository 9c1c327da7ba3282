-- The rights of the user. A script has no rollback: it asks for all of them before it writes.

-- The command of these that the user may not run, or nil.
local function refused_of(commands)
  for _, command in ipairs(commands) do
    if not redis.acl_check_cmd(unpack(command)) then return command[1] end
  end
end
