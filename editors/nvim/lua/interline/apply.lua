-- Lands an edit of the server's as one undo step of its own. Must not decide what lands: Neovim's own handler applies it.

local buffer = require('interline.buffer')

local M = {}

---Ends the undo step of each buffer, so that what comes next is a step of its own, even while the user types.
---@param buffers integer[]
local function break_undo(buffers)
  for _, bufnr in ipairs(buffers) do
    vim.api.nvim_buf_call(bufnr, function()
      vim.cmd('let &l:undolevels = &l:undolevels')
    end)
  end
end

---@param edit lsp.WorkspaceEdit
---@return integer[]
local function buffers_of(edit)
  local buffers = {}
  for uri in pairs(edit.changes or {}) do
    buffers[#buffers + 1] = buffer.of(uri)
  end
  for _, change in ipairs(edit.documentChanges or {}) do
    if change.textDocument then
      buffers[#buffers + 1] = buffer.of(change.textDocument.uri)
    end
  end
  return buffers
end

---@param err any
---@param params lsp.ApplyWorkspaceEditParams
---@param ctx lsp.HandlerContext
function M.edit(err, params, ctx)
  local buffers = buffers_of(params.edit)
  break_undo(buffers)
  local result = vim.lsp.handlers['workspace/applyEdit'](err, params, ctx)
  break_undo(buffers)
  return result
end

return M
