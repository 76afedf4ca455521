-- When do the other servers' diagnostics belong to the text as it is now? Must answer "not settled" rather than guess.

local M = {}

---Quiet after the last report, in milliseconds.
local QUIET = 300
---The longest wait for a server that has reported before, and for one that hasn't yet.
local WARM, COLD = 2000, 10000

---Waits until the diagnostics of a buffer follow its last change and nothing more has come for a while.
---@param bufnr integer
---@param timeout_ms integer
---@param done fun(settled: boolean)
function M.wait(bufnr, timeout_ms, done)
  local attach = require('interline.attach')
  local query = require('interline.query')
  local started = vim.uv.now()
  local function look()
    if not vim.api.nvim_buf_is_loaded(bufnr) then
      return done(false)
    end
    local now, times = vim.uv.now(), attach.times(bufnr)
    local diagnosed = times.diagnosed
    if diagnosed and diagnosed >= times.changed and now - math.max(diagnosed, times.changed) >= QUIET then
      return done(true)
    end
    if not diagnosed and #query.reporters(bufnr) == 0 then
      return done(true) -- nobody is there who could report
    end
    if now - started >= math.min(timeout_ms, diagnosed and WARM or COLD) then
      return done(false)
    end
    vim.defer_fn(look, 25)
  end
  look()
end

---Waits for every open buffer that the server watches.
---@param timeout_ms integer
---@param done fun(settled: boolean)
function M.wait_all(timeout_ms, done)
  local buffers = require('interline.attach').buffers()
  local left, settled = #buffers, true
  if left == 0 then
    return done(true)
  end
  for _, bufnr in ipairs(buffers) do
    M.wait(bufnr, timeout_ms, function(quiet)
      settled = settled and quiet
      left = left - 1
      if left == 0 then
        done(settled)
      end
    end)
  end
end

return M
