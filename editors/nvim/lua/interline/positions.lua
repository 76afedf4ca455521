-- Positions between us (UTF-16) and servers that count otherwise. Must not read more of a file than it needs.

local buffer = require('interline.buffer')

local M = {}

---@param uri string
---@param row integer
---@return string
local function line_of(uri, row)
  local bufnr = buffer.of(uri)
  if bufnr then
    return vim.api.nvim_buf_get_lines(bufnr, row, row + 1, false)[1] or ''
  end
  local ok, lines = pcall(vim.fn.readfile, vim.uri_to_fname(uri), '', row + 1)
  local line = ok and lines[row + 1] or ''
  -- No position counts a byte-order mark.
  return row == 0 and vim.startswith(line, '\239\187\191') and line:sub(4) or line
end

---@param uri string
---@param position lsp.Position
---@param from string
---@param to string
---@return lsp.Position
local function convert(uri, position, from, to)
  if from == to or position.character == 0 then
    return position
  end
  local line = line_of(uri, position.line)
  local byte = vim.str_byteindex(line, from, position.character, false)
  return { line = position.line, character = vim.str_utfindex(line, to, byte, false) }
end

---A position of ours, as the client counts.
---@param client vim.lsp.Client
---@param uri string
---@param position lsp.Position
---@return lsp.Position
function M.to_client(client, uri, position)
  return convert(uri, position, 'utf-16', client.offset_encoding)
end

---A range of the client's, as we count.
---@param client vim.lsp.Client
---@param uri string
---@param range lsp.Range
---@return lsp.Range
function M.from_client(client, uri, range)
  return {
    start = convert(uri, range.start, client.offset_encoding, 'utf-16'),
    ['end'] = convert(uri, range['end'], client.offset_encoding, 'utf-16'),
  }
end

---@param client vim.lsp.Client
---@param location lsp.Location|lsp.LocationLink
---@return lsp.Location
function M.location(client, location)
  local uri = location.uri or location.targetUri
  local range = location.range or location.targetSelectionRange
  return { uri = uri, range = M.from_client(client, uri, range) }
end

---@param client vim.lsp.Client
---@param uri string
---@param edits lsp.TextEdit[]
local function text_edits(client, uri, edits)
  return vim
    .iter(edits)
    :map(function(edit)
      -- All of it: what can't be done with it is the server's to say.
      return vim.tbl_extend('force', edit, { range = M.from_client(client, uri, edit.range) })
    end)
    :totable()
end

---A workspace edit of the client's, as we count. Operations on files stay as they are.
---@param client vim.lsp.Client
---@param edit lsp.WorkspaceEdit
---@return lsp.WorkspaceEdit
function M.workspace_edit(client, edit)
  local result = {}
  if edit.changes then
    result.changes = {}
    for uri, edits in pairs(edit.changes) do
      result.changes[uri] = text_edits(client, uri, edits)
    end
  end
  if edit.documentChanges then
    result.documentChanges = vim
      .iter(edit.documentChanges)
      :map(function(change)
        if not change.textDocument then
          return change
        end
        local uri = change.textDocument.uri
        return { textDocument = change.textDocument, edits = text_edits(client, uri, change.edits) }
      end)
      :totable()
  end
  return result
end

return M
