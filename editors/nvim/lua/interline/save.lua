-- Answers `interline/save`: saves what the user's answer to a prompt says. Must not save anything else.

local buffer = require('interline.buffer')

local M = {}

---@param uris string[]
---@return string? problem what was not saved
function M.save(uris)
  for _, uri in ipairs(uris) do
    local bufnr = buffer.of(uri)
    if bufnr and vim.bo[bufnr].modified then
      local ok, err = pcall(vim.api.nvim_buf_call, bufnr, function()
        vim.api.nvim_cmd({ cmd = 'write', mods = { silent = true } }, {})
      end)
      if not ok or vim.bo[bufnr].modified then
        return ('%s could not be saved: %s'):format(vim.api.nvim_buf_get_name(bufnr), err or 'no reason was given')
      end
    end
  end
end

return M
