-- Puts work off until there is quiet. Knows nothing of what is put off.

---Calls `fn` once after `ms` of quiet, in the main loop.
---@param ms integer
---@param fn fun()
---@return fun()
return function(ms, fn)
  local timer = assert(vim.uv.new_timer())
  local call = vim.schedule_wrap(fn)
  return function()
    timer:stop()
    timer:start(ms, 0, call)
  end
end
