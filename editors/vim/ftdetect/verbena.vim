" SPDX-License-Identifier: Apache-2.0
" Vim takes .idl for CORBA's or Microsoft's, which have no package line.
function! s:DetectVerbena() abort
  for l:line in getline(1, 200)
    if l:line =~# '^\s*package\s\+[A-Za-z][A-Za-z0-9_.]*\(\s\+prefix\s\+\w\+\)\?\s*;'
      set filetype=verbena
      return
    endif
  endfor
endfunction

autocmd BufNewFile,BufRead *.idl call s:DetectVerbena()
