-- Finds buffers. Must not load any.

local M = {}

---The loaded buffer that shows `uri`.
---@param uri string
---@return integer?
function M.of(uri)
  -- `vim.uri_to_bufnr` would make a buffer where there is none.
  local name = vim.uri_to_fname(uri)
  if vim.fn.bufexists(name) == 0 then
    return nil
  end
  local bufnr = vim.fn.bufadd(name)
  return vim.api.nvim_buf_is_loaded(bufnr) and bufnr or nil
end

return M
