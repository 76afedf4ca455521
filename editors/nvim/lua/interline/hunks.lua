-- The pending hunks as the server last told them, drawn in their buffers and listed in the quickfix list.
-- Must not move hunks by itself: between two messages the marks move with the text, then the server's word counts.

local attach = require('interline.attach')
local config = require('interline.config')
local draw = require('interline.draw')
local buffer = require('interline.buffer')
local debounce = require('interline.debounce')

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
  local bufnr = buffer.of(uri)
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

---What becomes of a file, where a hunk is about the file and not about lines of it.
---@param hunk interline.HunkInfo
---@return string?
local function fate(hunk)
  if hunk.kind == 'create' then
    return 'new file'
  elseif hunk.kind == 'delete' or hunk.kind == 'binary' and #hunk.newLines == 0 then
    return 'deletes the file'
  elseif hunk.kind == 'binary' then
    return (#hunk.oldLines == 0 and 'new ' or 'another ') .. hunk.newLines[1]:gsub(', sha256.*', '')
  elseif hunk.kind == 'mode' then
    return hunk.newLines[1] == 'mode 100755' and 'becomes executable' or 'no longer executable'
  elseif hunk.kind == 'move' then
    return 'moves the file to ' .. (hunk.to or '?')
  end
end

---@param hunk interline.HunkInfo
---@param index integer
---@param count integer
---@return string
function M.label(hunk, index, count)
  local of_file = fate(hunk)
  local what = of_file and of_file .. ': accept or reject' or 'accept or reject'
  if hunk.state == 'conflict' then
    what = 'conflict: you changed these lines; revise or reject'
  elseif hunk.state == 'applying' then
    what = 'landing'
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
local refresh_stale = debounce(120, function()
  local wanted = stale
  stale = {}
  for uri, client_id in pairs(wanted) do
    local client, bufnr = vim.lsp.get_client_by_id(client_id), buffer.of(uri)
    if client and bufnr then
      M.refresh(client, bufnr)
    end
  end
end)

---A file may be shown only after its hunks came, and without a filetype nothing else attaches the server.
---@param bufnr integer
local function on_shown(bufnr)
  for uri, document in pairs(documents) do
    if buffer.of(uri) == bufnr and vim.tbl_isempty(document.marks) then
      local text = document.hunks[1] and document.hunks[1].kind ~= 'binary'
      if text and #vim.lsp.get_clients({ id = document.client_id, bufnr = bufnr }) == 0 then
        vim.lsp.buf_attach_client(bufnr, document.client_id)
      end
      redraw(uri, document)
    end
  end
end

local function watch_windows()
  vim.api.nvim_create_autocmd('BufWinEnter', {
    group = vim.api.nvim_create_augroup('interline.hunks', { clear = true }),
    callback = function(event)
      on_shown(event.buf)
    end,
  })
end

---Bytes land on disk, not in the buffer: it is read again.
---@param bufnr integer
---@param hunks interline.HunkInfo[] those that were there
local function read_again(bufnr, hunks)
  local binary = vim.iter(hunks):any(function(hunk)
    return hunk.kind == 'binary'
  end)
  if binary and not vim.bo[bufnr].modified then
    vim.api.nvim_buf_call(bufnr, function()
      vim.cmd('silent! edit')
    end)
  end
end

---@param change interline.HunksChanged
---@param client_id integer
local function take(change, client_id)
  local uri, bufnr = change.uri, buffer.of(change.uri)
  local before = documents[uri]
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
  if bufnr and before then
    read_again(bufnr, before.hunks)
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
    watch_windows()
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
  local document, bufnr = documents[uri], buffer.of(uri)
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
      local text = fate(hunk) or hunk.newLines[1] or ('- ' .. (hunk.oldLines[1] or ''))
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
