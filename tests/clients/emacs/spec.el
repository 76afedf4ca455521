;;; spec.el --- Interline in Emacs by eglot  -*- lexical-binding: t; -*-

;; Run by tests/clients/run: emacs -Q --batch -l SNIPPET -l spec.el, in a copy of the sample project, `interline' on PATH.
;; SNIPPET is what the README tells a user to put into the init file; what follows is what that user would do by hand.
;; Only the answers to prompts are given by the test; it must not call the server behind eglot's back.

;;; Code:

(require 'cl-lib)
(require 'rust-mode)
(require 'eglot)
(require 'flymake)

(defvar spec-answers nil "What the user will choose, as a list of regexps; each is used once.")
(defvar spec-menus nil "Each menu that was shown, newest first.")

(defun spec-choose (prompt collection &rest _)
  "Stand for the user at a menu with PROMPT over COLLECTION."
  (let* ((titles (all-completions "" collection))
         (answer (pop spec-answers))
         (chosen (and answer (cl-find-if (lambda (title) (string-match-p answer title)) titles))))
    (push titles spec-menus)
    (or chosen (error "No %S in the menu %S: %S" answer prompt titles))))

(defun spec-wait (what condition)
  "Let Emacs work until CONDITION holds; WHAT says what was waited for."
  (let ((end (+ (float-time) 60)) (result nil))
    (while (and (not (setq result (funcall condition))) (< (float-time) end))
      (accept-process-output nil 0.05))
    (or result (error "Waited in vain: %s\n%s" what (spec-state)))))

(defun spec-state ()
  "The buffer, the diagnostics and the messages, for a failure."
  (format "%s\n-- diagnostics %S\n-- menus %S\n-- messages\n%s" (buffer-string) (mapcar #'flymake-diagnostic-text (flymake-diagnostics))
          spec-menus (with-current-buffer (messages-buffer)
                        (goto-char (point-max))
                        (forward-line -20)
                        (buffer-substring (point) (point-max)))))

(defun spec-hints ()
  "The hunks under review, as flymake shows them."
  (cl-remove-if-not (lambda (diagnostic) (string-match-p "interline" (flymake-diagnostic-text diagnostic))) (flymake-diagnostics)))

(defun spec-shows (text) "Whether the buffer contains TEXT." (save-excursion (goto-char (point-min)) (search-forward text nil t)))

(defun spec-act (title)
  "Choose the code action TITLE at point."
  (setq spec-answers (list title)
        last-nonmenu-event t) ; the keyboard: a menu of the mouse can't be shown
  (call-interactively #'eglot-code-actions))

(defun spec-run ()
  "One fix, from the code action to the accepted hunk and back."
  (let ((completing-read-function #'spec-choose))
    (setq eglot-sync-connect 30)
    (find-file "src/main.rs")
    (call-interactively #'eglot)
    (message "ok      emacs: eglot starts the server that the snippet names")
    (setq spec-answers '("Trust"))
    (eglot-execute-command (eglot-current-server) 'interline.trust [(:trusted t)])
    (spec-wait "the question of trust" (lambda () spec-menus))
    (unless (equal (caar spec-menus) "Deny") (error "Deny is not the first answer: %S" spec-menus))
    (spec-wait "the folder's trust"
               (lambda () (eq t (plist-get (eglot-execute-command (eglot-current-server) 'interline.trust [(:uri nil)]) :trusted))))
    (message "ok      emacs: trust is asked, Deny first")
    (spec-act "Fix this file with Interline")
    (spec-wait "a hunk" #'spec-hints)
    (when (spec-shows "let mut sum = 0;") (error "The hunk landed without review"))
    (message "ok      emacs: the hunk waits as a hint of flymake")
    (goto-char (flymake-diagnostic-beg (car (spec-hints))))
    (spec-act "Accept this change")
    (spec-wait "the accepted hunk" (lambda () (spec-shows "let mut sum = 0;")))
    (spec-wait "no more hunks" (lambda () (not (spec-hints))))
    (message "ok      emacs: the accepted hunk is in the buffer")
    (unless (buffer-modified-p) (error "The file was written"))
    (undo-boundary)
    (undo)
    (when (spec-shows "let mut sum = 0;") (error "Undo did not take it back"))
    (message "ok      emacs: one undo takes it back")
    (set-buffer-modified-p nil)
    (eglot-shutdown (eglot-current-server))))

(condition-case failure
    (spec-run)
  (error (message "FAILED  emacs: %s" (error-message-string failure))
         (message "%s" (spec-state))
         (kill-emacs 1)))

;;; spec.el ends here
