"""What an editor asks of a text: `wdfmc lsp`.

`positions`: offsets and the positions of an editor; `index`: what each name stands for; `analysis`: a text and all that
is known of it; `cursor`: what can stand at a place. The others answer one question each; only `server` knows the wire.
"""
