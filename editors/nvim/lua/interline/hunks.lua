-- The pending hunks as the server last told them, drawn in their buffers and listed in the quickfix list.
-- Must not move hunks by itself: between two messages the marks move with the text, then the server's word counts.

local attach = require('interline.attach')
local config = require('interline.config')
local draw = require('interline.draw')
local util = require('interline.util')

local M = {}

---@class interline.Document
---@field client_id integer
---@field version integer?
---@field hunks interline.HunkInfo[]
---@field marks table<string, integer> the extmark of each hunk, where it is drawn

---@type table<string, interline.Document>
local documents = {}
---@type integer?
local list_id

local function by_place(a, b)
  return a.startLine < b.startLine
end

---@param uri string
---@param document interline.Document
local function redraw(uri, document)
  local bufnr = util.buffer_of(uri)
  if not bufnr then
    return
  end
  draw.clear(bufnr)
  document.marks = {}
  if not config.is_on('hunks', bufnr) then
    return
  end
  for index, hunk in ipairs(document.hunks) do
    document.marks[hunk.id] = draw.hunk(bufnr, hunk, M.label(hunk, index, #document.hunks))
  end
end

---@param hunk interline.HunkInfo
---@param index integer
---@param count integer
---@return string
function M.label(hunk, index, count)
  local what = 'accept or reject'
  if hunk.state == 'conflict' then
    what = 'conflict: you changed these lines; revise or reject'
  elseif hunk.state == 'applying' then
    what = 'landing'
  elseif hunk.kind == 'create' then
    what = 'new file: accept or reject'
  elseif hunk.kind == 'delete' then
    what = 'deletes the file: accept or reject'
  elseif hunk.kind == 'binary' then
    what = #hunk.newLines == 0 and 'deletes the file: accept or reject' or 'whole file: accept or reject'
  elseif hunk.kind == 'mode' then
    what = 'file mode: accept or reject'
  elseif hunk.kind == 'move' then
    what = 'moves the file to ' .. (hunk.to or '?') .. ': accept or reject'
  end
  return ('interline %d/%d · %s'):format(index, count, what)
end

---Asks the server for the hunks of a buffer as they are for the text as it is now.
---@param client vim.lsp.Client
---@param bufnr integer
function M.refresh(client, bufnr)
  require('interline.server').execute(client, 'hunks', { uri = vim.uri_from_bufnr(bufnr) }, function(result)
    M.changed(result and result.documents or {}, client.id)
  end)
end

---@type table<string, integer>
local stale = {}
local refresh_stale = util.debounce(120, function()
  local wanted = stale
  stale = {}
  for uri, client_id in pairs(wanted) do
    local client, bufnr = vim.lsp.get_client_by_id(client_id), util.buffer_of(uri)
    if client and bufnr then
      M.refresh(client, bufnr)
    end
  end
end)

---@param change interline.HunksChanged
---@param client_id integer
local function take(change, client_id)
  local uri, bufnr = change.uri, util.buffer_of(change.uri)
  local hunks = vim.deepcopy(change.hunks)
  table.sort(hunks, by_place)
  local behind = bufnr ~= nil and change.version ~= nil and change.version < attach.version(bufnr)
  if behind and #hunks > 0 then
    -- The user has typed since: the lines of this message are not those on the screen. Ask for the present ones.
    stale[uri] = client_id
    return refresh_stale()
  end
  documents[uri] = { client_id = client_id, version = change.version, hunks = hunks, marks = {} }
  redraw(uri, documents[uri])
  if #hunks == 0 then
    documents[uri] = nil
  end
end

---What the server says has changed.
---@param changes interline.HunksChanged[]
---@param client_id integer
function M.changed(changes, client_id)
  for _, change in ipairs(changes) do
    take(change, client_id)
  end
  if #changes > 0 then
    M.update_quickfix()
    require('interline.status').changed()
    vim.api.nvim_exec_autocmds('User', {
      pattern = 'InterlineHunks',
      modeline = false,
      data = { count = M.count(), documents = changes },
    })
  end
end

---@class interline.PlacedHunk
---@field client_id integer
---@field uri string
---@field hunk interline.HunkInfo
---@field first integer the row where it is now
---@field after integer the row after its last old line; the same as `first` for an insertion

---@param uri string
---@return interline.PlacedHunk[]
local function placed(uri)
  local document, bufnr = documents[uri], util.buffer_of(uri)
  local result = {}
  for _, hunk in ipairs(document and document.hunks or {}) do
    local first, after = hunk.startLine, hunk.startLine + hunk.lineCount
    local mark = bufnr and document.marks[hunk.id]
    local at = mark and vim.api.nvim_buf_get_extmark_by_id(bufnr, draw.namespace, mark, { details = true })
    if at and at[1] and hunk.lineCount > 0 then
      first, after = at[1], at[3].end_row or after
    elseif at and at[1] then
      first = at[1] + (hunk.startLine > 0 and 1 or 0)
      after = first
    end
    result[#result + 1] =
      { client_id = document.client_id, uri = uri, hunk = hunk, first = first, after = after }
  end
  return result
end

---All hunks, in the order of their files and lines.
---@return interline.PlacedHunk[]
function M.all()
  local uris = vim.tbl_keys(documents)
  table.sort(uris)
  return vim.iter(uris):map(placed):flatten():totable()
end

---The hunks of a buffer that touch these rows; an insertion is touched from both of the lines that it goes between.
---@param bufnr integer
---@param from integer
---@param to integer inclusive
---@return interline.PlacedHunk[]
function M.touching(bufnr, from, to)
  return vim
    .iter(placed(vim.uri_from_bufnr(bufnr)))
    :filter(function(place)
      if place.first == place.after then
        return from <= place.first and to >= place.first - 1
      end
      return from < place.after and to >= place.first
    end)
    :totable()
end

---How many hunks wait, in one buffer or in all.
---@param bufnr? integer
---@return integer
function M.count(bufnr)
  if bufnr then
    local document = documents[vim.uri_from_bufnr(bufnr)]
    return document and #document.hunks or 0
  end
  local count = 0
  for _, document in pairs(documents) do
    count = count + #document.hunks
  end
  return count
end

---@return table[]
local function quickfix_items()
  return vim
    .iter(M.all())
    :map(function(place)
      local hunk = place.hunk
      local text = hunk.newLines[1] or ('- ' .. (hunk.oldLines[1] or ''))
      return {
        filename = vim.uri_to_fname(place.uri),
        lnum = math.max(1, place.first + (place.first == place.after and place.first > 0 and 0 or 1)),
        col = 1,
        text = vim.trim(text),
        type = hunk.state == 'conflict' and 'W' or 'I',
        user_data = { interline = hunk.id },
      }
    end)
    :totable()
end

---Keeps our quickfix list as it should be, if there is one.
function M.update_quickfix()
  if list_id and vim.fn.getqflist({ id = list_id, title = 1 }).title ~= 'Interline' then
    list_id = nil
  end
  if list_id then
    vim.fn.setqflist({}, 'r', { id = list_id, items = quickfix_items(), title = 'Interline' })
  end
end

---Makes the hunks the current quickfix list. No window is opened.
function M.to_quickfix()
  M.update_quickfix()
  if not list_id or vim.fn.getqflist({ id = 0 }).id ~= list_id then
    vim.fn.setqflist({}, ' ', { items = quickfix_items(), title = 'Interline' })
    list_id = vim.fn.getqflist({ id = 0 }).id
  end
end

---@param client_id integer
function M.forget(client_id)
  for uri, document in pairs(documents) do
    if document.client_id == client_id then
      document.hunks = {}
      redraw(uri, document)
      documents[uri] = nil
    end
  end
  M.update_quickfix()
end

return M
