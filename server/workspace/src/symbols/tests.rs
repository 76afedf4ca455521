//! The symbols of a small text in each language.

use std::fmt::Write as _;
use std::time::Duration;

use tree_sitter::Parser;

use super::extract::extract;
use crate::syntax::{self, Language};

/// Symbols of a text, one a line: `line kind container.name`.
fn outline(path: &str, text: &str) -> String {
    let language = Language::of(path).unwrap();
    let limit = Duration::from_secs(10);
    let tree = syntax::parse(&mut Parser::new(), language, text, None, limit);
    let found = extract(language, tree.as_ref(), text);
    let mut lines = String::new();
    for symbol in found.symbols {
        let dot = if symbol.container.is_empty() { "" } else { "." };
        let (line, kind) = (symbol.line + 1, symbol.kind.name());
        writeln!(
            lines,
            "{line} {kind} {}{dot}{}",
            symbol.container, symbol.name
        )
        .unwrap();
    }
    lines
}

/// Checks every symbol of a fixture.
fn check(path: &str, text: &str, expected: &[&str]) {
    let found = outline(path, text);
    let found: Vec<&str> = found.lines().collect();
    assert_eq!(found, expected, "{path}");
}

#[test]
fn symbols_of_rust() {
    check(
        "a.rs",
        "mod out;\nmod a {\n    pub struct B<T> { c: T, d: u8 }\n    impl<T> Clone for B<T> { fn clone(&self) -> Self { let x = 1; fn inner() {} } }\n}\n\
         enum E { V, W(u8) }\ntrait T { type A; const C: u8; fn m(&self); }\nmacro_rules! mac { () => {} }\n\
         type Y = u8; static S: u8 = 1; union U { f: u8 }\nimpl a::B<u8> { const K: u8 = 1; }\n",
        &[
            "2 module a",
            "3 struct a.B",
            "3 field B.c",
            "3 field B.d",
            "4 method B.clone",
            "4 function clone.inner",
            "6 enum E",
            "6 enummember E.V",
            "6 enummember E.W",
            "7 trait T",
            "7 type T.A",
            "7 constant T.C",
            "7 method T.m",
            "8 macro mac",
            "9 type Y",
            "9 variable S",
            "9 union U",
            "9 field U.f",
            "10 constant B.K",
        ],
    );
}

#[test]
fn symbols_of_typescript() {
    check(
        "a.ts",
        "export const a = 1, f = (x: number) => { const no = x; };\nexport class C<T> extends D {\n  p: string = '';\n  go = () => {};\n  m(): void { let n = 1; }\n}\n\
         interface I { q: number; r(): void }\nenum E { V = 1, W }\ntype T = string;\nnamespace N { export function g() {} }\n\
         abstract class A { abstract b(): void }\ndeclare function h(): void;\n",
        &[
            "1 variable a",
            "1 function f",
            "2 class C",
            "3 field C.p",
            "4 method C.go",
            "5 method C.m",
            "7 interface I",
            "7 field I.q",
            "7 method I.r",
            "8 enum E",
            "8 enummember E.V",
            "9 type T",
            "10 module N",
            "10 function N.g",
            "11 class A",
            "11 method A.b",
            "12 function h",
        ],
    );
}

#[test]
fn symbols_of_javascript_and_tsx() {
    check(
        "a.js",
        "const {x, y} = z, a = 1;\nfunction f() { var no; function g() {} }\nclass C { #p = 1; static m() {} }\nconst h = function () {};\nfunction* i() {}\n",
        &[
            "1 variable a",
            "2 function f",
            "2 function f.g",
            "3 class C",
            "3 field C.#p",
            "3 method C.m",
            "4 function h",
            "5 function i",
        ],
    );
    check(
        "a.tsx",
        "export const F = (p: P) => <b>{p.x}</b>;\ninterface P { x: string }\n",
        &["1 function F", "2 interface P", "2 field P.x"],
    );
}

#[test]
fn symbols_of_python() {
    check(
        "a.py",
        "A = 1\nb: int = 2\nc.d = 3\nclass C(B):\n    x = 1\n    @p\n    def m(self):\n        self.y = 1\n        z = 2\n        def n(): pass\nasync def f(): pass\n",
        &[
            "1 variable A",
            "2 variable b",
            "4 class C",
            "5 variable C.x",
            "7 method C.m",
            "10 function m.n",
            "11 function f",
        ],
    );
}

#[test]
fn symbols_of_go() {
    check(
        "a.go",
        "package a\nconst A, B = 1, 2\nvar c int\ntype S struct { d, e int; f string }\ntype I interface { M(int) }\ntype T = S\n\
         func (s *S) M(x int) { var no int; no2 := 1 }\nfunc F[K any]() {}\nfunc (S) N() {}\n",
        &[
            "2 constant A",
            "2 constant B",
            "3 variable c",
            "4 struct S",
            "4 field S.d",
            "4 field S.e",
            "4 field S.f",
            "5 interface I",
            "5 method I.M",
            "6 type T",
            "7 method S.M",
            "8 function F",
            "9 method S.N",
        ],
    );
}

#[test]
fn symbols_of_c() {
    check(
        "a.c",
        "#define N 1\n#define M(x) x\nstruct s { int a, *b; };\nenum e { V, W };\ntypedef struct { int c; } t;\nstatic int *f(int x) { int no; return 0; }\n\
         int g(void);\nint v = 1, *w;\nunion u { int d; };\nstruct s later;\n",
        &[
            "1 constant N",
            "2 macro M",
            "3 struct s",
            "3 field s.a",
            "3 field s.b",
            "4 enum e",
            "4 enummember e.V",
            "4 enummember e.W",
            "5 type t",
            "5 field t.c",
            "6 function f",
            "7 function g",
            "8 variable v",
            "8 variable w",
            "9 union u",
            "9 field u.d",
            "10 variable later",
        ],
    );
}

#[test]
fn symbols_of_cpp() {
    check(
        "a.hpp",
        "namespace n { class C : public B { public: C(); ~C(); int m() const { return 1; } int f; }; }\nint n::C::o(int x) { auto l = [] { int no; }; }\n\
         template <class T> struct S { T& r(); bool operator==(S const&) const; };\nusing A = int;\nnamespace p::q { enum class E { V }; }\n",
        &[
            "1 module n",
            "1 class n.C",
            "1 method C.C",
            "1 method C.~C",
            "1 method C.m",
            "1 field C.f",
            "2 method C.o",
            "3 struct S",
            "3 method S.r",
            "3 method S.operator==",
            "4 type A",
            "5 module p::q",
            "5 enum p::q.E",
            "5 enummember E.V",
        ],
    );
}

#[test]
fn symbols_of_java() {
    check(
        "A.java",
        "package a;\npublic class A<T> extends B {\n  static final int X = 1, Y = 2;\n  A() {}\n  <U> void m(int p) { int no; }\n  enum E { V, W; void n() {} }\n}\n\
         interface I { int C = 1; void o(); }\nrecord R(int x) {}\n@interface N {}\n",
        &[
            "2 class A",
            "3 field A.X",
            "3 field A.Y",
            "4 constructor A.A",
            "5 method A.m",
            "6 enum A.E",
            "6 enummember E.V",
            "6 enummember E.W",
            "6 method E.n",
            "8 interface I",
            "8 constant I.C",
            "8 method I.o",
            "9 class R",
            "10 interface N",
        ],
    );
}

#[test]
fn symbols_of_lua() {
    check(
        "a.lua",
        "local M = {}\nlocal x\nfunction M.f(a) local no = 1 end\nfunction M:g() end\nlocal function h() end\nM.k = function() end\ny = 1\n",
        &[
            "1 variable M",
            "2 variable x",
            "3 method M.f",
            "4 method M.g",
            "5 function h",
            "6 method M.k",
            "7 variable y",
        ],
    );
}

#[test]
fn symbols_of_ruby() {
    check(
        "a.rb",
        "module M\n  X = 1\n  class C < D\n    def m(a)\n      no = 1\n    end\n    def self.s; end\n  end\nend\ndef f; end\nclass A::B; end\n",
        &[
            "1 class M",
            "2 constant M.X",
            "3 class M.C",
            "4 method C.m",
            "7 method C.s",
            "10 function f",
            "11 class A.B",
        ],
    );
}

#[test]
fn symbols_of_csharp() {
    check(
        "a.cs",
        "namespace N.O { class C : B { int f, g; public int P { get; set; } C() {} void M<T>() { int no = 1; } enum E { V } } }\n\
         interface I { void Q(); }\nstruct S {}\nrecord R(int X);\ndelegate void D();\n",
        &[
            "1 module N.O",
            "1 class N.O.C",
            "1 field C.f",
            "1 field C.g",
            "1 field C.P",
            "1 constructor C.C",
            "1 method C.M",
            "1 enum C.E",
            "1 enummember E.V",
            "2 interface I",
            "2 method I.Q",
            "3 struct S",
            "4 class R",
            "5 type D",
        ],
    );
}

#[test]
fn symbols_of_php() {
    check(
        "a.php",
        "<?php\nnamespace A\\B;\nconst X = 1;\nfunction f($a) { $no = 1; }\nclass C extends D { const K = 1; private $p = 2; function m() {} }\ninterface I {}\ntrait T {}\nenum E: int { case V = 1; }\n",
        &[
            "2 module A\\B",
            "3 constant X",
            "4 function f",
            "5 class C",
            "5 constant C.K",
            "5 field C.p",
            "5 method C.m",
            "6 interface I",
            "7 trait T",
            "8 enum E",
            "8 enummember E.V",
        ],
    );
}

#[test]
fn symbols_of_bash() {
    check(
        "a.sh",
        "A=1\nf() { no=2; local n=3; }\nfunction g { :; }\nexport B=1\n",
        &[
            "1 variable A",
            "2 function f",
            "3 function g",
            "4 variable B",
        ],
    );
}

#[test]
fn symbols_of_markdown() {
    check(
        "a.md",
        "# A b #\n\ntext\n\n```sh\n# no\n```\nSet\n===\n\n## C\n#no\n---\n",
        &["1 heading A b", "8 heading Set", "11 heading C"],
    );
}

#[test]
fn symbols_of_data() {
    check(
        "a.json",
        "{\"a\": {\"b\": {\"no\": 1}, \"c\": [{\"no\": 1}]}, \"d e\": 1}",
        &["1 key a", "1 key a.b", "1 key a.c", "1 key d e"],
    );
    check(
        "a.toml",
        "x = 1\n[a.b]\nc = { no = 1 }\n[[d]]\ne = 2\n",
        &[
            "1 key x",
            "2 key a.b",
            "3 key a.b.c",
            "4 key d",
            "5 key d.e",
        ],
    );
    check(
        "a.yaml",
        "# no: 1\na:\n  b: 1\n  c:\n    no: 1\n\"d\": [x]\ne:\n- no: 1\nhttp://no\n",
        &["2 key a", "3 key a.b", "4 key a.c", "6 key d", "7 key e"],
    );
}
