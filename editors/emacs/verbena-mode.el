;;; verbena-mode.el --- major mode for Verbena interface files -*- lexical-binding: t; -*-
;; SPDX-License-Identifier: Apache-2.0
;; Version: 0.1.0
;; Package-Requires: ((emacs "25.1"))

;;; Commentary:
;; Colours .idl files that have a package line; other .idl files stay with their own mode.

;;; Code:

(defconst verbena-mode-keywords
  `((,(regexp-opt '("import" "as" "package" "prefix" "const" "enum" "struct" "union" "interface"
                    "version" "reserved" "case" "to" "max_message" "max_inline" "max_transfer"
                    "inflight")
                  'symbols)
     . font-lock-keyword-face)
    (,(regexp-opt '("frozen" "closed" "optional" "oneway" "stream" "in" "out" "inout" "idempotent"
                    "direct" "deprecated" "deadline" "priority" "since" "errors" "return" "low"
                    "normal" "high")
                  'symbols)
     . font-lock-preprocessor-face)
    (,(regexp-opt '("void" "bool" "int8" "int16" "int32" "int64" "uint8" "uint16" "uint32" "uint64"
                    "float32" "float64" "string" "bytes" "sequence" "proto" "vector")
                  'symbols)
     . font-lock-type-face)
    (,(regexp-opt '("true" "false") 'symbols) . font-lock-constant-face)
    ("@0x[0-9a-fA-F]+" . font-lock-constant-face)
    ("\\_<\\([A-Za-z][A-Za-z0-9_]*\\)[ \t]*(" 1 font-lock-function-name-face))
  "What `verbena-mode' colours.")

(defvar verbena-mode-syntax-table
  (let ((table (make-syntax-table)))
    (modify-syntax-entry ?/ ". 124b" table)
    (modify-syntax-entry ?* ". 23" table)
    (modify-syntax-entry ?\n "> b" table)
    (modify-syntax-entry ?_ "_" table)
    (modify-syntax-entry ?< "(>" table)
    (modify-syntax-entry ?> ")<" table)
    table)
  "Syntax table of `verbena-mode'.")

;;;###autoload
(define-derived-mode verbena-mode prog-mode "Verbena"
  "Major mode for Verbena interface files."
  (setq-local font-lock-defaults '(verbena-mode-keywords))
  (setq-local comment-start "// ")
  (setq-local comment-end "")
  (setq-local indent-tabs-mode nil)
  (setq-local tab-width 4))

(defun verbena-mode-wanted-p ()
  "Whether the buffer is an .idl file with a package line."
  (and buffer-file-name
       (string-match-p "\\.idl\\'" buffer-file-name)
       (save-excursion
         (goto-char (point-min))
         (re-search-forward
          "^[ \t]*package[ \t]+[A-Za-z][A-Za-z0-9_.]*\\([ \t]+prefix[ \t]+[A-Za-z0-9_]+\\)?[ \t]*;"
          8192 t))))

;;;###autoload
(add-to-list 'magic-mode-alist '(verbena-mode-wanted-p . verbena-mode))

(provide 'verbena-mode)
;;; verbena-mode.el ends here
