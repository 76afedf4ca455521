-- The scripted model server of tests/model, one for a test. A request that a strict provider would refuse fails the test.

local Model = {}
Model.__index = Model

---@return string
local function binary()
  local beside = vim.fs.dirname(vim.env.INTERLINE_BIN) .. '/scripted-model'
  local built = vim.env.INTERLINE_ROOT .. '/target/debug/scripted-model'
  for _, path in ipairs({ beside, built }) do
    if vim.fn.executable(path) == 1 then
      return path
    end
  end
  error('no scripted-model: build it with cargo build -p scripted-model')
end

---@param dir string where its files go
---@param script table
function Model.start(dir, script)
  local self = setmetatable({ record = dir .. '/requests.jsonl' }, Model)
  local file, port = dir .. '/script.json', dir .. '/port'
  vim.fn.writefile({ vim.json.encode(script) }, file)
  self.process = vim.system(
    { binary(), file, '--port-file', port, '--record', self.record, '--max-seconds', '120' },
    { stdin = true, stderr = true }
  )
  assert(vim.wait(5000, function()
    return vim.uv.fs_stat(port) ~= nil
  end, 10), 'the model server did not start')
  self.url = vim.fn.readfile(port)[1]
  return self
end

---What has been recorded so far.
---@return table[]
function Model:events()
  if vim.uv.fs_stat(self.record) == nil then
    return {}
  end
  return vim.iter(vim.fn.readfile(self.record)):map(vim.json.decode):totable()
end

---Ends it. Gives back what was wrong with the requests, if anything was.
---@return string?
function Model:stop()
  self.process:write(nil)
  local result = self.process:wait(5000)
  if result.code ~= 0 then
    return ('the model server ended with code %d: %s'):format(result.code, result.stderr or '')
  end
end

return Model
