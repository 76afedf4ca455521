-- What a user sees: Neovim in a terminal (tmux), real keys, the screen read back. The real server, the built-in model.

local Screen = {}
Screen.__index = Screen

local function tmux(self, ...)
  local result = vim.system({ 'tmux', '-L', self.socket, '-f', '/dev/null', ... }, { text = true, env = self.env }):wait(5000)
  assert(result.code == 0, result.stderr)
  return result.stdout
end

---@param child table its folders are used; its own Neovim stays as it is
---@param commands string[] Ex commands at start
function Screen.open(child, file, commands)
  local self = setmetatable({ socket = 'interline-' .. vim.fn.fnamemodify(child.dir, ':t') .. vim.uv.os_getpid() }, Screen)
  self.env = {
    TERM = 'xterm-256color',
    INTERLINE_HOME = child.dir .. '/home',
    XDG_STATE_HOME = child.dir .. '/screen',
    CARGO_TARGET_DIR = child.dir .. '/target',
    CARGO_NET_OFFLINE = 'true',
    ANTHROPIC_API_KEY = child.model and 'test',
    ANTHROPIC_BASE_URL = child.model and child.model.url,
  }
  local init = child.dir .. '/init.vim'
  vim.fn.writefile(vim.list_extend({
    'set rtp^=' .. child.root .. '/editors/nvim',
    'set noswapfile number signcolumn=yes laststatus=2 termguicolors',
    [[set statusline=%f%=%{v:lua.require'interline'.status()}]],
    ('let g:interline = { "cmd": [%s, "lsp"] }'):format(vim.fn.string(vim.env.INTERLINE_BIN)),
  }, commands), init)
  local command = ('cd %s && exec %s --clean -n -u %s %s'):format(
    vim.fn.shellescape(child.work), vim.fn.shellescape(vim.env.INTERLINE_NVIM), vim.fn.shellescape(init), vim.fn.shellescape(file)
  )
  tmux(self, 'new-session', '-d', '-x', '100', '-y', '30', '-s', 'screen', command)
  return self
end

function Screen:text()
  return tmux(self, 'capture-pane', '-p', '-t', 'screen')
end

---Waits until the screen shows a text; keeps pictures for people where INTERLINE_PICTURES names a folder.
function Screen:shows(part, timeout, picture)
  local text
  local ok = vim.wait(timeout or 5000, function()
    text = self:text()
    return text:find(part, 1, true) ~= nil
  end, 50)
  if not ok then
    error('not on the screen: ' .. part .. '\n' .. text, 2)
  end
  if picture and vim.env.INTERLINE_PICTURES then
    vim.wait(200)
    local file = io.open(('%s/%s.ansi'):format(vim.env.INTERLINE_PICTURES, picture), 'w')
    file:write(tmux(self, 'capture-pane', '-e', '-N', '-p', '-t', 'screen'))
    file:close()
  end
  return text
end

function Screen:keys(...)
  tmux(self, 'send-keys', '-t', 'screen', ...)
end

function Screen:close()
  pcall(tmux, self, 'kill-server')
end

---@param child table
---@param file string
---@param commands string[]
---@param body fun(screen: table)
local function on_screen(child, file, commands, body)
  local screen = Screen.open(child, file, commands)
  local ok, err = xpcall(body, debug.traceback, screen)
  screen:close()
  assert(ok, err)
end

local analyzer = [[lua vim.lsp.config('rust_analyzer', { cmd = { vim.env.INTERLINE_ANALYZER }, filetypes = { 'rust' }, ]]
  .. [[root_markers = { 'Cargo.toml' }, handlers = { ['window/showMessage'] = function() end } }) ]]
  .. [[vim.lsp.enable('rust_analyzer') vim.diagnostic.config({ virtual_text = true })]]

test('fix on the diagnostic: the hunk is on the screen, is accepted, is undone', {
  fixture = 'broken', config = 'model = "builtin"',
}, function(child)
  on_screen(child, 'src/main.rs', { analyzer }, function(screen)
    screen:keys(':24', 'Enter')
    screen:shows('let sum = 0;')
    -- The sign: the words are rust-analyzer's or the compiler's, or both, which the screen cuts.
    screen:shows('E  26', 60000)
    vim.wait(1500)
    screen:keys(':26', 'Enter')
    screen:keys(':Interline fix', 'Enter')
    local text = screen:shows('let mut sum = 0;', 30000)
    contains('~  24     let sum = 0;', text)
    screen:shows('to review', 20000, 'hunk')
    screen:keys(':Interline accept', 'Enter')
    screen:shows('  24     let mut sum = 0;', 5000, 'accepted')
    screen:keys('u')
    screen:shows('  24     let sum = 0;')
  end)
end)

test('fix in a trusted folder: the verdict on the edits is what stays in the message line', {
  fixture = 'broken', config = 'model = "builtin"',
}, function(child)
  on_screen(child, 'src/main.rs', {}, function(screen)
    screen:shows('Greets a crew')
    screen:keys(':Interline trust', 'Enter')
    screen:shows('Deny', 10000)
    vim.wait(700)
    screen:shows('2: Trust', 100, 'trust')
    screen:keys('2', 'Enter')
    screen:shows('trusted from now on', 10000)
    screen:keys(':Interline fix', 'Enter')
    screen:shows('clears 2 problems (E0308, E0596), no new problems, checked by cargo check', 60000, 'verdict')
  end)
end)

test('explain without a key: the answer beside the code, the cursor where it was', {
  fixture = 'broken', config = 'model = "builtin"',
}, function(child)
  on_screen(child, 'src/main.rs', {}, function(screen)
    screen:shows('Greets a crew')
    screen:keys(':24', 'Enter')
    screen:keys(':Interline ask what is wrong here', 'Enter')
    screen:shows('what is wrong here', 20000)
    screen:shows('done', 20000, 'answer')
    screen:keys('i', 'typed', 'Escape')
    screen:shows('typed')
  end)
end)

---Trusts the folder by keys.
local function trust(screen)
  screen:keys(':Interline trust', 'Enter')
  screen:shows('2: Trust', 10000, 'trust')
  vim.wait(700)
  screen:keys('2', 'Enter')
  screen:shows('trusted from now on', 10000)
end

test('what is no text, and modes: the list says what becomes of each file, and the buffer too', {
  script = { steps = {
    { calls = { { tool = 'shell', input = {
      command = [[printf '\211PNG\r\n\032\n\000\001' > logo.png && printf '\000new' > icon.bin && chmod +x run.sh && rm old.bin]],
    } } } },
    { say = 'Done.' },
  } },
}, function(child)
  vim.fn.writefile({ '#!/bin/sh', 'echo hi' }, child.work .. '/run.sh')
  vim.fn.writefile({ 'old\n\1' }, child.work .. '/old.bin', 'b')
  vim.fn.writefile({ 'old\n\1' }, child.work .. '/icon.bin', 'b')
  on_screen(child, 'run.sh', {}, function(screen)
    screen:shows('echo hi')
    trust(screen)
    screen:keys(':Interline ask draw it', 'Enter')
    screen:shows('done · 4 changes to review', 20000)
    screen:keys(':only | copen', 'Enter')
    local list = screen:shows('Quickfix List', 5000, 'files')
    contains('icon.bin|1 col 1 info| another binary file, 4 bytes', list)
    contains('logo.png|1 col 1 info| new binary file, 10 bytes', list)
    contains('old.bin|1 col 1 info| deletes the file', list)
    contains('run.sh|1 col 1 info| becomes executable', list)
    screen:keys(':cclose | edit icon.bin', 'Enter')
    screen:shows('interline 1/1 · another binary file, 4 bytes: accept or reject', 5000, 'binary')
    screen:keys(':Interline accept', 'Enter')
    screen:shows('1 ^@new')
    screen:keys(':edit logo.png', 'Enter')
    screen:shows('interline 1/1 · new binary file, 10 bytes: accept or reject')
    screen:keys(':Interline reject', 'Enter')
    screen:shows('2 to review')
    equal(nil, vim.uv.fs_stat(child.work .. '/logo.png'))
  end)
end)

test('what can destroy something says so, and is approved by a word', {
  script = { steps = {
    { calls = { { tool = 'shell', input = { command = 'git push --force origin main && rm -rf src' } } } },
    { say = 'Then I leave it.' },
  } },
}, function(child)
  vim.fn.writefile({ 'one' }, child.work .. '/a.txt')
  on_screen(child, 'a.txt', {}, function(screen)
    screen:shows('one')
    trust(screen)
    screen:keys(':Interline ask push it', 'Enter')
    screen:shows('1: Deny', 20000, 'danger')
    vim.wait(700)
    screen:keys('2', 'Enter')
    screen:shows('Type yes for', 5000, 'danger-word')
    screen:keys('y', 'Enter')
    screen:shows('Then I leave it.', 20000)
  end)
end)
