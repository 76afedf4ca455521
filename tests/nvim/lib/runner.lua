-- Runs one spec file: `nvim -l lib/runner.lua SPEC [FILTER]`. Prints a line a test; the driver adds them up.
-- A spec gets `test(name, options, function(child) … end)`. Must not share a child between tests.

local here = vim.fs.dirname(vim.fs.dirname(vim.fn.resolve(debug.getinfo(1, 'S').source:sub(2))))
package.path = here .. '/lib/?.lua;' .. package.path
local Child = require('child')

local spec, filter = arg[1], arg[2]
local label = vim.fs.basename(spec):gsub('_spec%.lua$', '')
local passed, failed = 0, 0

---@param name string
---@param options ChildOptions
---@param body fun(child: table)
function _G.test(name, options, body)
  local full = label .. ': ' .. name
  if filter and filter ~= '' and not full:find(filter, 1, true) then
    return
  end
  local started = vim.uv.now()
  local child
  local ok, err = xpcall(function()
    child = Child.start(options)
    body(child)
  end, debug.traceback)
  if not ok and child and vim.env.INTERLINE_KEEP then
    print('kept: ' .. child.dir)
  elseif child then
    local complaint = child:stop()
    if ok and complaint then
      ok, err = false, complaint
    end
  end
  vim.uv.update_time()
  local took = ('%.1f s'):format((vim.uv.now() - started) / 1000)
  if ok then
    passed = passed + 1
    io.stdout:write(('ok      %s (%s)\n'):format(full, took))
  else
    failed = failed + 1
    io.stdout:write(('FAILED  %s (%s)\n        %s\n'):format(full, took, (tostring(err):gsub('\n', '\n        '))))
  end
  io.stdout:flush()
end

---Fails unless both are the same.
function _G.equal(expected, actual, what)
  if not vim.deep_equal(expected, actual) then
    local text = ('%s\nexpected: %s\n     got: %s'):format(what or 'not equal', vim.inspect(expected), vim.inspect(actual))
    error(text, 2)
  end
end

---Fails unless `text` contains `part`.
function _G.contains(part, text)
  if not tostring(text):find(part, 1, true) then
    error(('expected something with: %s\n     got: %s'):format(part, vim.inspect(text)), 2)
  end
end

dofile(spec)
io.stdout:write(('count %d %d\n'):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
