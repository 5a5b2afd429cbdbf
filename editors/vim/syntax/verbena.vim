" SPDX-License-Identifier: Apache-2.0
if exists('b:current_syntax')
  finish
endif

syntax keyword verbenaStatement import as package const enum struct union interface version reserved
syntax keyword verbenaStatement prefix max_message max_inline max_transfer inflight
syntax keyword verbenaStorage frozen closed optional oneway stream in out inout case to
syntax keyword verbenaType void bool int8 int16 int32 int64 uint8 uint16 uint32 uint64
syntax keyword verbenaType float32 float64 string bytes sequence proto vector
syntax keyword verbenaMark idempotent direct deprecated deadline priority since errors
syntax keyword verbenaMark low normal high return
syntax keyword verbenaBoolean true false
syntax match verbenaNumber '\<\d\+\(us\|ms\|s\|KiB\|MiB\|GiB\)\?\>'
syntax match verbenaNumber '\<0x\x\+\>'
syntax match verbenaId '@0x\x\+\>'
syntax region verbenaString start='"' end='"' oneline
syntax region verbenaComment start='//' end='$' keepend contains=@Spell
syntax region verbenaComment start='/\*' end='\*/' contains=@Spell
syntax region verbenaDoc start='///' end='$' keepend contains=@Spell

highlight default link verbenaStatement Statement
highlight default link verbenaStorage StorageClass
highlight default link verbenaType Type
highlight default link verbenaMark PreProc
highlight default link verbenaBoolean Boolean
highlight default link verbenaNumber Number
highlight default link verbenaId Special
highlight default link verbenaString String
highlight default link verbenaComment Comment
highlight default link verbenaDoc SpecialComment

let b:current_syntax = 'verbena'
