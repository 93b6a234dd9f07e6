"""The grammar of the filter language; every action hands its tokens to the elaborator.

``and`` and ``or`` have equal precedence and associate to the left by the shape of ``expr``.
A bare id after them takes the qualifiers of the expression before it; ``paren`` is a rule of its
own so that the elaborator sees an opening parenthesis before what follows.

``%`` and ``^`` take the nearest operand to their left and everything to their right: as tokens
they bind tightest, as rules loosest.  With that said the grammar has no conflicts.

``python -m bpfq.frontend.pcap.automaton`` writes the parser's tables to parsetab.py; a test
compares them with this file.
"""

from __future__ import annotations

from typing import Any

tokens = (
    *("SRC", "DST", "ADDRN", "ATYPE", "PROTO", "PROTOCHAIN", "GATEWAY", "PNAME", "MASK"),
    *("NUM", "ID", "HID", "HID6", "EID", "AID", "SET", "AND", "OR", "NOT", "LEN", "CAST", "SIZE"),
    *("BYTE", "IFINDEX", "SHIM", "BARE", "LISTED", "LOGTEXT", "RNR", "SRNR", "REASON"),
    *("ACTION", "TYPE", "SUBTYPE", "DIR", "LLC", "RELATION", "LSHIFT", "RSHIFT"),
)

precedence = (
    ("nonassoc", "GREEDY"),
    ("left", "|"),
    ("left", "&"),
    ("left", "LSHIFT", "RSHIFT"),
    ("left", "+", "-"),
    ("left", "*", "/"),
    ("nonassoc", "UMINUS"),
    ("right", "%", "^"),
)

# ---------------------------------------------------------------- Boolean structure


def p_filter_empty(p: Any) -> None:
    "filter :"
    p[0] = p.lexer.elaborator.everything()


def p_filter(p: Any) -> None:
    "filter : expr"
    p[0] = p.lexer.elaborator.finish(p[1])


def p_pass(p: Any) -> None:
    """expr : term
    term : rterm
    id : nid
    qid : pid
    pid : nid
    pqual : PNAME
    arith : narith
    pnum : NUM
    byteop : relation1
           | '&'
           | '|'
    relation : relation1
             | RELATION
    relation1 : '<'
              | '>'
              | '='
    word : NUM
         | ID
    """
    p[0] = p[1]


def p_expr(p: Any) -> None:
    """expr : expr AND term
            | expr OR term
            | expr AND id
            | expr OR id
    pid : qid AND id
        | qid OR id
    """
    p[0] = p.lexer.elaborator.combine(p[1], p[2], p[3])


def p_not(p: Any) -> None:
    """term : NOT term
    nid : NOT id
    """
    p[0] = p.lexer.elaborator.negate(p[1], p[2])


def p_paren(p: Any) -> None:
    "paren : '('"
    p[0] = p.lexer.elaborator.open(p[1])


def p_parenthesised(p: Any) -> None:
    "rterm : paren expr ')'"
    p[0] = p.lexer.elaborator.close(p[1], p[2], p[3])


def p_id_parenthesised(p: Any) -> None:
    """id : paren pid ')'
    pnum : paren pnum ')'
    narith : paren narith ')'
    """
    p[0] = p[2]


# ---------------------------------------------------------------- qualifiers and ids


def p_rterm_head(p: Any) -> None:
    "rterm : head id"
    p[0] = p[2]


def p_pqual_empty(p: Any) -> None:
    "pqual :"
    p[0] = None


def p_head(p: Any) -> None:
    """head : pqual direction ATYPE
    | pqual direction
    """
    p[0] = p.lexer.elaborator.head(p[1], p[2], p[3] if len(p) > 3 else None)


def p_head_plain(p: Any) -> None:
    """head : pqual ATYPE
    | pqual PROTO
    | pqual PROTOCHAIN
    | pqual GATEWAY
    """
    p[0] = p.lexer.elaborator.head(p[1], None, p[2])


def p_direction(p: Any) -> None:
    """direction : SRC
    | DST
    | ADDRN
    """
    p[0] = (p[1],)


def p_direction_both(p: Any) -> None:
    """direction : SRC OR DST
    | DST OR SRC
    | SRC AND DST
    | DST AND SRC
    """
    p[0] = (p[1], p[2], p[3])


def p_nid(p: Any) -> None:
    """nid : ID
           | HID
           | HID6
           | EID
           | AID
           | SET
    id : pnum
    qid : pnum
    """
    p[0] = p.lexer.elaborator.identifier(p[1])


def p_nid_prefix(p: Any) -> None:
    """nid : HID '/' NUM
    | HID6 '/' NUM
    | HID MASK HID
    """
    p[0] = p.lexer.elaborator.identifier(p[1], p[3])


def p_rterm_protocol(p: Any) -> None:
    "rterm : PNAME"
    p[0] = p.lexer.elaborator.protocol(p[1])


# ---------------------------------------------------------------- arithmetic


def p_relation(p: Any) -> None:
    "rterm : arith relation arith"
    p[0] = p.lexer.elaborator.relation(p[1], p[2], p[3])


def p_arith_number(p: Any) -> None:
    "arith : pnum"
    p[0] = p.lexer.elaborator.number(p[1])


def p_arith_length(p: Any) -> None:
    "narith : LEN"
    p[0] = p.lexer.elaborator.length(p[1])


def p_arith_index(p: Any) -> None:
    """narith : PNAME '[' arith ']'
    | PNAME '[' arith ':' NUM ']'
    """
    size, closing = (p[5], p[6]) if len(p) > 5 else (None, p[4])
    p[0] = p.lexer.elaborator.index(p[1], p[3], size, closing)


def p_arith_binary(p: Any) -> None:
    """narith : arith '+' arith
    | arith '-' arith
    | arith '*' arith
    | arith '/' arith
    | arith '&' arith
    | arith '|' arith
    | arith LSHIFT arith
    | arith RSHIFT arith
    | arith '%' arith %prec GREEDY
    | arith '^' arith %prec GREEDY
    """
    p[0] = p.lexer.elaborator.arithmetic(p[1], p[2], p[3])


def p_arith_negative(p: Any) -> None:
    "narith : '-' arith %prec UMINUS"
    p[0] = p.lexer.elaborator.negative(p[1], p[2])


# ---------------------------------------------------------------- primitives of their own


def p_cast(p: Any) -> None:
    "rterm : pqual CAST"
    p[0] = p.lexer.elaborator.cast(p[1], p[2])


def p_size(p: Any) -> None:
    "rterm : SIZE NUM"
    p[0] = p.lexer.elaborator.size(p[1], p[2])


def p_byte(p: Any) -> None:
    "rterm : BYTE NUM byteop NUM"
    p[0] = p.lexer.elaborator.byte(p[1], p[2], p[3], p[4])


def p_interface(p: Any) -> None:
    "rterm : IFINDEX NUM"
    p[0] = p.lexer.elaborator.interface(p[1], p[2])


def p_shim(p: Any) -> None:
    """rterm : SHIM
    | SHIM pnum
    """
    p[0] = p.lexer.elaborator.shim(p[1], p[2] if len(p) > 2 else None)


def p_bare(p: Any) -> None:
    "rterm : BARE"
    p[0] = p.lexer.elaborator.bare(p[1])


def p_log(p: Any) -> None:
    """rterm : LOGTEXT ID
    | RNR NUM
    | SRNR NUM
    | REASON word
    | ACTION ID
    """
    p[0] = p.lexer.elaborator.log(p[1], p[2])


def p_frame_type(p: Any) -> None:
    """rterm : pqual TYPE word
    | pqual TYPE word SUBTYPE word
    """
    p[0] = p.lexer.elaborator.frame_type(p[1], p[2], p[3], p[5] if len(p) > 4 else None)


def p_frame_subtype(p: Any) -> None:
    "rterm : pqual SUBTYPE ID"
    p[0] = p.lexer.elaborator.frame_subtype(p[2], p[3])


def p_frame_direction(p: Any) -> None:
    "rterm : pqual DIR word"
    p[0] = p.lexer.elaborator.frame_direction(p[2], p[3])


def p_llc(p: Any) -> None:
    """rterm : LLC
    | LLC ID
    | LLC RNR
    """
    p[0] = p.lexer.elaborator.llc(p[1], p[2] if len(p) > 2 else None)


def p_listed(p: Any) -> None:
    """rterm : LISTED listed1
    | LISTED paren listed ')'
    """
    p[0] = p.lexer.elaborator.listed(p[1], None, p[2] if len(p) == 3 else p[3])


def p_listed_relation(p: Any) -> None:
    "rterm : LISTED relation NUM"
    p[0] = p.lexer.elaborator.listed(p[1], p[2], [p[3]])


def p_listed_one(p: Any) -> None:
    """listed1 : NUM
    listed : NUM
    """
    p[0] = [p[1]]


def p_listed_more(p: Any) -> None:
    "listed : listed OR NUM"
    p[1].append(p[3])
    p[0] = p[1]
