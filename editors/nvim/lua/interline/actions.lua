-- What the user can do, one function each: gathers the arguments from the editor and runs the server's command.
-- Must not decide how anything is done: the server does the work.

local answers = require('interline.answers')
local hunks = require('interline.hunks')
local query = require('interline.query')
local server = require('interline.server')
local say = require('interline.say')

local M = {}

---@class interline.Where
---@field bufnr integer
---@field range? { [1]: integer, [2]: integer } rows, 0-based, inclusive; nil: none was given
---@field row integer the row of the cursor

---The current buffer and cursor, with the rows of a range where there is one.
---@param first? integer 1-based
---@param last? integer
---@return interline.Where
function M.here(first, last)
  return {
    bufnr = vim.api.nvim_get_current_buf(),
    row = vim.api.nvim_win_get_cursor(0)[1] - 1,
    range = first and { first - 1, (last or first) - 1 } or nil,
  }
end

---Whole lines as an LSP range.
---@param bufnr integer
---@param rows { [1]: integer, [2]: integer }
---@return lsp.Range
local function lines_range(bufnr, rows)
  local text = vim.api.nvim_buf_get_lines(bufnr, rows[2], rows[2] + 1, false)[1] or ''
  return { start = { line = rows[1], character = 0 }, ['end'] = query.position(bufnr, rows[2], #text) }
end

---@param where interline.Where
---@return table
local function target(where)
  return {
    uri = vim.uri_from_bufnr(where.bufnr),
    range = where.range and lines_range(where.bufnr, where.range) or nil,
  }
end

---The others' diagnostics on some rows.
---@param bufnr integer
---@param rows { [1]: integer, [2]: integer }
---@return lsp.Diagnostic[]
local function diagnostics_on(bufnr, rows)
  return vim
    .iter(query.diagnostics(bufnr))
    :filter(function(diagnostic)
      return diagnostic.range.start.line <= rows[2] and diagnostic.range['end'].line >= rows[1]
    end)
    :totable()
end

---Asks for a line of text; an empty one or none does nothing.
---@param prompt string
---@param use fun(text: string)
local function input(prompt, use)
  local completion = "customlist,v:lua.require'interline.command'.mentions"
  vim.ui.input({ prompt = prompt, completion = completion }, function(text)
    if text and vim.trim(text) ~= '' then
      use(text)
    end
  end)
end

---Runs a command of the server's; asks for the text that it lacks, opens the transcript after a question.
---@param client vim.lsp.Client
---@param name string
---@param argument table
function M.run(client, name, argument)
  if name == 'edit' and not argument.instruction then
    return input('Edit: ', function(text)
      M.run(client, name, vim.tbl_extend('force', argument, { instruction = text }))
    end)
  elseif name == 'revise' and not argument.text then
    return input('Revise, how: ', function(text)
      M.run(client, name, vim.tbl_extend('force', argument, { text = text }))
    end)
  end
  server.execute(client, name, argument, function(result)
    if name == 'explain' or name == 'prompt' then
      answers.after_question(client, result and result.session or nil)
    end
  end)
end

---@param where interline.Where
---@param name string
---@param argument table
local function start(where, name, argument)
  server.with_client(where.bufnr, function(client)
    M.run(client, name, argument)
  end)
end

---Fixes the diagnostics of the range, of the cursor's line, or, where that has none, of the document.
---@param where interline.Where
function M.fix(where)
  local rows = where.range or { where.row, where.row }
  local found = diagnostics_on(where.bufnr, rows)
  local argument = target({ bufnr = where.bufnr, row = where.row, range = (#found > 0 or where.range) and rows or nil })
  if #found > 0 then
    argument.diagnostics = found
  end
  start(where, 'fix', argument)
end

---@param where interline.Where
---@param instruction? string
function M.edit(where, instruction)
  start(where, 'edit', vim.tbl_extend('force', target(where), { instruction = instruction }))
end

---@param where interline.Where
---@param text? string
function M.ask(where, text)
  if not text then
    return input('Ask: ', function(given)
      M.ask(where, given)
    end)
  end
  local argument = vim.api.nvim_buf_get_name(where.bufnr) ~= '' and target(where) or {}
  start(where, 'prompt', vim.tbl_extend('force', argument, { text = text }))
end

---@param where interline.Where
function M.explain(where)
  local rows = where.range or { where.row, where.row }
  local argument = target({ bufnr = where.bufnr, row = where.row, range = rows })
  local found = diagnostics_on(where.bufnr, rows)
  argument.diagnostics = #found > 0 and found or nil
  start(where, 'explain', argument)
end

---The hunks that are meant: those on the range or under the cursor, else the only one there is.
---@param where interline.Where
---@return interline.PlacedHunk[]
local function meant(where)
  local rows = where.range or { where.row, where.row }
  local found = hunks.touching(where.bufnr, rows[1], rows[2])
  if #found == 0 and not where.range and hunks.count() == 1 then
    found = hunks.all()
  end
  if #found == 0 then
    local count = hunks.count()
    say.notify(
      count == 0 and 'nothing to review'
        or ('no change under the cursor; %d to review, :Interline next goes there'):format(count),
      vim.log.levels.WARN
    )
  end
  return found
end

---@param name 'accept'|'reject'
---@return fun(where: interline.Where)
local function review(name)
  return function(where)
    local list = meant(where)
    -- From the last to the first: what lands below moves nothing above.
    for index = #list, 1, -1 do
      local client = vim.lsp.get_client_by_id(list[index].client_id)
      if client then
        server.execute(client, name, { hunk = list[index].hunk.id })
      end
    end
  end
end

M.accept = review('accept')
M.reject = review('reject')

---Runs a command that belongs to no buffer, on the server that is there; without one it is started for the current buffer.
---@param name string
---@param argument table
---@param done? fun(result: any, client: vim.lsp.Client)
function M.plain(name, argument, done)
  local function use(client)
    server.execute(client, name, argument, function(result)
      if done then
        done(result, client)
      end
    end)
  end
  local client = server.any_client()
  if client then
    use(client)
  else
    server.with_client(vim.api.nvim_get_current_buf(), use)
  end
end

---Trusts the folder of a buffer; the server asks the user first.
---@param where interline.Where
function M.trust(where)
  server.with_client(where.bufnr, function(client)
    server.execute(client, 'trust', { trusted = true, uri = vim.uri_from_bufnr(where.bufnr) }, function(result)
      if result and result.trusted then
        say.echo('this folder is trusted')
      end
    end)
  end)
end

---Runs a command on every server there is: one for each project.
---@param name string
function M.everywhere(name)
  local clients = vim.lsp.get_clients({ name = server.name })
  for _, client in ipairs(clients) do
    server.execute(client, name, {})
  end
  if #clients == 0 then
    say.notify('the server is not running')
  end
end

---@param where interline.Where
---@param text? string
function M.revise(where, text)
  local place = meant(where)[1]
  local client = place and vim.lsp.get_client_by_id(place.client_id)
  if place and client then
    M.run(client, 'revise', { hunk = place.hunk.id, text = text })
  end
end

---Moves the cursor to the next hunk, on to the next file and around.
---@param step 1|-1
function M.jump(step)
  local list = hunks.all()
  if #list == 0 then
    return say.notify('nothing to review')
  end
  local here, row = vim.uri_from_bufnr(0), vim.api.nvim_win_get_cursor(0)[1] - 1
  local found
  for offset = 1, #list do
    local place = step > 0 and list[offset] or list[#list - offset + 1]
    local after = step > 0 and (place.uri > here or (place.uri == here and place.first > row))
    local before = step < 0 and (place.uri < here or (place.uri == here and place.first < row))
    if after or before then
      found = place
      break
    end
  end
  found = found or (step > 0 and list[1] or list[#list])
  local last = found.uri == here and vim.api.nvim_buf_line_count(0) - 1 or math.huge
  local position = { line = math.min(found.first, last), character = 0 }
  vim.lsp.util.show_document({ uri = found.uri, range = { start = position, ['end'] = position } }, 'utf-16', { focus = true })
end

return M
