from __future__ import annotations
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
import re, sys
import numpy as np, pyarrow as pa, pyarrow.compute as pc
from rapidfuzz.distance import OSA
import importlib.util
RUNGS = {k:k for k in ("whitespace","unicode","case","excel","confusable","extra","typo")}
@dataclass(frozen=True)
class Side:
    numbers: Any; course: Any; pool: Any=None; has_hyphens: Any=None; bare: Any=None; is_typed: Any=None; is_old: Any=None
@dataclass
class Links:
    pairs: list=field(default_factory=list); ambiguous_left: dict=field(default_factory=dict); ambiguous_right: dict=field(default_factory=dict); not_sought: dict=field(default_factory=dict); backwards: list=field(default_factory=list)
from keyaudit.exports.codes import fold_whitespace, fold_unicode, CONFUSABLE, excel_forms, INVISIBLE
def caseless(t): return pc.utf8_lower(t)
def meant_by(codes,text): return []
def seq(codes):
    codes=sorted(set(codes)); n=0
    for c in codes:
        if any(d!=c and OSA.distance(c,d,score_cutoff=1)<=1 for d in codes): n+=1
    return n>0.05*len(codes)
def find_lookalikes(codes,left,right,codes_of,backwards=False):
    L=Links(); c={int(n):codes[int(n)].as_py() for n in [*left.numbers,*right.numbers]}
    lp=dict(zip(map(int,left.numbers), left.pool)) ; lc=dict(zip(map(int,left.numbers),left.course)); rc=dict(zip(map(int,right.numbers),right.course))
    typed=dict(zip(map(int,right.numbers), right.is_typed if right.is_typed is not None else [False]*len(right.numbers)))
    old=dict(zip(map(int,right.numbers), right.is_old if right.is_old is not None else [False]*len(right.numbers)))
    hy=dict(zip(map(int,left.numbers), left.has_hyphens if left.has_hyphens is not None else [False]*len(left.numbers)))
    ba=dict(zip(map(int,right.numbers), right.bare if right.bare is not None else [False]*len(right.numbers)))
    ol,orr=set(map(int,left.numbers)),set(map(int,right.numbers))
    w=fold_whitespace; u=fold_unicode
    def ok(a,b): return not(lc[a]>=0 and rc[b]>=0 and lc[a]!=rc[b]) and not old[b]
    def test(r,a,b):
        x,y=c[a],c[b]
        if r!='excel' and typed[b]: return False
        if r=='whitespace': return w(x)==w(y) or (hy[a] and ba[b] and w(x).replace('-','')==w(y))
        if r=='unicode': return u(x)==u(y)
        if r=='case': return u(x).casefold()==u(y).casefold()
        if r=='excel': return u(y) in excel_forms(u(x)) or (u(x).isdigit() and u(x).startswith('0') and u(x).lstrip('0')==u(y).removesuffix('.0')) or u(y)==u(x)+'.0'
        if r=='confusable': return ok(a,b) and u(x).translate(CONFUSABLE)==u(y).translate(CONFUSABLE)
        if r=='extra':
            X,Y=u(x),c[b]
            for g in re.finditer(rf"[{INVISIBLE},;]+",Y):
                if u(Y[:g.start()])==X and Y[g.end():]: return True
            yy=u(Y); return len(yy)>=6 and len(yy)<len(X) and X.startswith(yy)
        if r=='typo': return ok(a,b) and min(len(u(x)),len(u(y)))>=6 and OSA.distance(u(x),u(y),score_cutoff=1)==1
    for r in RUNGS:
        if r=='typo':
            cand={a for a in ol for b in orr if test(r,a,b)}
            for p in {int(lp[a]) for a in cand}:
                if seq([codes[int(k)].as_py() for k in codes_of(p) if codes[int(k)].is_valid]): L.not_sought[p]='sequential'
            ol={a for a in ol if int(lp[a]) not in L.not_sought}
        P=[(a,b) for a in sorted(ol) for b in sorted(orr) if test(r,a,b)]
        fl,fr=defaultdict(list),defaultdict(list)
        for a,b in P: fl[a].append(b); fr[b].append(a)
        for a,bs in fl.items():
            if len(bs)==1 and len(fr[bs[0]])==1: L.pairs.append((a,bs[0],r))
            else: L.ambiguous_left[a]=bs
        for b,as_ in fr.items():
            if len(as_)>1 or len(fl[as_[0]])>1: L.ambiguous_right[b]=as_
        ol-=set(fl); orr-=set(fr)
    return L
