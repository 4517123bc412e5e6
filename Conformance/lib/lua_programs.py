"""Random Lua programs: from a grammar, so that most of them run for a while, and damaged ones, which must not compile in the same words.

A program uses functions of its surroundings (lua/random.lua): `tick` ends it after so many steps, by an error; `num`, `str`, `tab` and `fun` give a value of
that kind, whatever they are given, so that not every expression fails. What it prints depends on nothing but its text: what it stores in a table is under a
`key` that has no address, for by addresses a table is walked in another order each time. A string that is made of others is `cut`, for lua5.1 takes whatever
memory there is.
"""
import re

NAMES = ["a", "b", "c", "d", "e", "x", "y", "z"]
FIELDS = ["n", "k", "v", "key", "next", "len"]
CONSTANTS = ["nil", "true", "false", "0", "1", "2", "3", "-1", "0.5", "10", "1e15", "'a'", "'b'", "'abc'", "'10'", "''", "'x y'", "{}", "{1, 2, 3}", "{n = 1, k = 'v'}", "{'a', nil, 'c'}", "2 ^ 53", "1 / 0"]
PATTERNS = ["'%a+'", "'.'", "'(%w)(%w)'", "'^%s*(.-)%s*$'", "'[a-c]'", "'b*'", "'()'", "'%d+'", "'x?y'", "'[^a]'", "'%1'", "'(a'"]
BINARY = ["+", "-", "*", "/", "%", "^", "..", "==", "~=", "<", "<=", ">", ">=", "and", "or"]
EVENTS = ["__index", "__newindex", "__call", "__add", "__sub", "__mul", "__unm", "__concat", "__eq", "__lt", "__le", "__len", "__tostring", "__mod"]
TOKENS = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|'[^']*'|\.\.\.|\.\.|[=~<>]=|\S")


class Generator:
    def __init__(self, random):
        self.random = random
        self.lines, self.depth, self.loops, self.scopes = [], 0, 0, [[]]
        self.variadic = [True]

    def program(self):
        self.put("local a, b, c, x, y = 1, 'abc', {1, 2, n = 3, k = 'v'}, function(...) tick() return ... end, {key = 'a', next = {}}")
        self.scopes[-1].extend("abcxy")
        for _ in range(self.random.randint(3, 7)):
            if len(self.lines) < 60:
                self.statement()
        self.put("return " + ", ".join(self.expression(1) for _ in range(self.random.randint(0, 3))))
        return "\n".join(self.lines)

    def put(self, text):
        self.lines.append("  " * self.depth + text)

    def chance(self, percent):
        return self.random.random() * 100 < percent

    def pick(self, *choices):
        return self.random.choice(choices)

    # Names

    def known(self):
        return [name for scope in self.scopes for name in scope]

    def variable(self):
        names = self.known()
        return self.random.choice(names) if names and not self.chance(4) else self.random.choice(NAMES)

    def like(self, kind, text):
        """The expression, mostly made to be of a kind."""
        return "%s(%s)" % (kind, text) if self.chance(85) else text

    def target(self):
        if self.chance(50):
            return self.variable()
        return self.like("tab", self.variable()) + self.pick(".%s" % self.random.choice(FIELDS), "[key(%s)]" % self.expression(2), "[%d]" % self.random.randint(0, 4))

    # Expressions

    def expression(self, depth=0):
        if depth > 3 or self.chance(25):
            return self.atom()
        kind = self.random.randrange(20)
        if kind < 6:
            operator = self.random.choice(BINARY)
            wanted = "num" if operator in "+-*/%^<=>=" else "str" if operator == ".." else ""
            left, right = self.expression(depth + 1), self.expression(depth + 1)
            return "%s(%s %s %s)" % ("cut" if operator == ".." else "", self.like(wanted, left), operator, self.like(wanted, right))
        if kind < 7:
            return "cut(%s)" % " .. ".join(self.like("str", self.atom()) for _ in range(self.random.randint(2, 4)))
        if kind < 8:
            return self.pick("not %s" % self.atom(), "-" + self.like("num", self.atom()), "#" + self.like("tab", self.atom()), "- -%s" % self.like("num", self.atom()), "not not %s" % self.atom())
        if kind < 10:
            return "%s%s" % (self.like("tab", self.variable()), self.pick(".%s" % self.random.choice(FIELDS), "[%s]" % self.expression(depth + 2), "[%d]" % self.random.randint(0, 4)))
        if kind < 12:
            return self.call(depth)
        if kind < 14:
            return self.table(depth)
        if kind < 15:
            return self.function(depth)
        if kind < 18:
            return self.library(depth)
        if kind < 19 and self.variadic[-1]:
            return self.pick("...", "(...)", "select('#', ...)", "{...}")
        return "(%s)" % self.expression(depth + 1)

    def atom(self):
        return self.variable() if self.chance(60) else self.random.choice(CONSTANTS)

    def arguments(self, depth):
        return ", ".join(self.expression(depth + 1) for _ in range(self.random.randint(0, 3)))

    def call(self, depth):
        form = self.random.randrange(4)
        if form == 0:
            method = self.random.choice(FIELDS + ["rep", "sub", "upper"])
            arguments = str(self.random.randint(-1, 4)) if method == "rep" else self.arguments(depth) if self.chance(80) else "2"
            call = "%s:%s(%s)" % (self.pick("a", "b", "x", "str(%s)" % self.variable()), method, arguments)
            return "cut(%s)" % call if method == "rep" else call
        if form == 1:
            return "list(pcall(%s))" % (self.variable() + (", " + self.expression(depth + 1) if self.chance(60) else ""))
        return "%s(%s)" % (self.like("fun", self.variable()), self.arguments(depth))

    def table(self, depth):
        items = []
        for _ in range(self.random.randint(0, 5)):
            form = self.random.randrange(5)
            value = self.expression(depth + 1)
            if form < 3:
                items.append(value)
            elif form == 3:
                items.append("%s = %s" % (self.random.choice(FIELDS), value))
            else:
                items.append("[%s] = %s" % (self.pick("1", "2", "3", "'k'", "true", "1.5", "#'abc'"), value))
        return "{%s}" % ", ".join(items)

    def function(self, depth):
        parameters = self.random.sample(NAMES, self.random.randint(0, 2))
        variadic = self.chance(30)
        self.scopes.append(list(parameters))
        self.variadic.append(variadic)
        body = self.expression(depth + 2)
        self.variadic.pop()
        self.scopes.pop()
        return "function(%s) tick() return %s end" % (", ".join(parameters + (["..."] if variadic else [])), body)

    def metatable(self, depth):
        entries = []
        for event in self.random.sample(EVENTS, self.random.randint(1, 4)):
            entries.append("%s = %s" % (event, self.function(depth + 1) if self.chance(80) else self.atom()))
        return "{%s}" % ", ".join(entries)

    def library(self, depth):
        e = lambda: self.expression(depth + 2)
        string = lambda: self.like("str", e())
        table = lambda: self.like("tab", e())
        number = lambda: self.like("num", e())
        form = self.random.randrange(16)
        if form == 0:
            return "string.sub(%s, %s, %s)" % (string(), number(), self.random.randint(-3, 5))
        if form == 1:
            return "cut(string.gsub(%s, %s, %s))" % (string(), self.random.choice(PATTERNS), self.pick("'<%0>'", "'%1'", "''", e(), "{a = 'A', b = 1}"))
        if form == 2:
            return "string.%s(%s, %s)" % (self.pick("find", "match"), string(), self.random.choice(PATTERNS))
        if form == 3:
            return "string.format(%s, %s)" % (self.pick("'%d'", "'%5s'", "'%q'", "'%g'", "'%x'", "'%.2f'"), number())
        if form == 4:
            return "cut(table.concat(%s, %s))" % (table(), self.pick("','", "''", e()))
        if form == 5:
            return "setmetatable(%s, %s)" % (self.pick("{}", "{n = 2}", "{1, 2}", e()), self.metatable(depth))
        if form == 6:
            return "tostring(%s)" % self.pick("1.5", "'s'", "nil", "true", "(%s) == 1" % e())
        if form == 7:
            return "tonumber(%s)" % e()
        if form == 8:
            return "math.%s(%s)" % (self.pick("floor", "abs", "max", "ceil", "sqrt"), number())
        if form == 9:
            return "select(%s, %s)" % (self.pick("1", "2", "-1", "'#'", number()), e())
        if form == 10:
            return "type(%s)" % e()
        if form == 11:
            return "(unpack(%s))" % table()
        if form == 12:
            return "(next(%s))" % table()
        if form == 13:
            return "list(coroutine.resume(coroutine.create(%s), %s))" % (self.function(depth + 1), e())
        if form == 14:
            return "rawget(%s, %s)" % (table(), e())
        return "cut(string.rep(%s, %d))" % (self.like("str", self.atom()), self.random.randint(-1, 4))

    # Statements

    def block(self, names=()):
        self.depth += 1
        self.scopes.append(list(names))
        self.put("tick()")
        for _ in range(self.random.randint(1, 3)):
            self.statement()
        if self.loops and self.chance(10):
            self.put("if %s then break end" % self.expression(2))
        self.scopes.pop()
        self.depth -= 1

    def loop(self, head, names=(), end="end"):
        self.put(head)
        self.loops += 1
        self.block(names)
        self.loops -= 1
        self.put(end)

    def statement(self):
        kind = self.random.randrange(22)
        if self.depth > 3 or len(self.lines) > 60:
            kind %= 8
        if kind < 4:
            names = self.random.sample(NAMES, self.random.randint(1, 3))
            self.put("local %s = %s" % (", ".join(names), ", ".join(self.expression(1) for _ in range(self.random.randint(1, 3)))))
            self.scopes[-1].extend(names)
        elif kind < 7:
            targets = [self.target() for _ in range(self.random.choice([1, 1, 1, 2, 3]))]
            self.put("%s = %s" % (", ".join(targets), ", ".join(self.expression(1) for _ in range(self.random.randint(1, 3)))))
        elif kind < 8:
            self.put("print(list(%s))" % self.arguments(1))
        elif kind < 9:
            self.put(self.call(1).replace("list(pcall(", "print(pcall(", 1) if self.chance(30) else "print(list(pcall(%s)))" % self.function(1))
        elif kind < 11:
            self.put("if %s then" % self.expression(1))
            self.block()
            if self.chance(30):
                self.put("elseif %s then" % self.expression(1))
                self.block()
            if self.chance(50):
                self.put("else")
                self.block()
            self.put("end")
        elif kind < 13:
            name = self.random.choice(NAMES)
            self.loop("for %s = %s, %s%s do" % (name, self.pick("1", "3", "0", self.like("num", self.expression(2))), self.pick("3", "1", "5", self.like("num", self.expression(2))), self.pick("", ", 1", ", -1", ", 0.5")), [name])
        elif kind < 15:
            names = self.random.sample(NAMES, self.random.randint(1, 3))
            self.loop("for %s in %s(%s) do" % (", ".join(names), self.pick("pairs", "ipairs", "pairs"), self.like("tab", self.expression(1))), names)
        elif kind < 16:
            self.loop("while %s do" % self.expression(1))
        elif kind < 17:
            self.loop("repeat", end="until %s" % self.expression(1))
        elif kind < 18:
            self.put("do")
            self.block()
            self.put("end")
        else:
            self.define()

    def define(self):
        parameters = self.random.sample(NAMES, self.random.randint(0, 3))
        variadic = self.chance(30)
        head = ", ".join(parameters + (["..."] if variadic else []))
        if self.chance(75):
            name = self.random.choice(NAMES)
            self.put("local function %s(%s)" % (name, head))
            self.scopes[-1].append(name)
        else:
            self.put("function %s%s(%s)" % (self.variable(), self.pick("", ".n", ":k", ".k.v"), head))
        loops, self.loops = self.loops, 0
        self.variadic.append(variadic)
        self.block(parameters)
        self.variadic.pop()
        self.loops = loops
        self.depth += 1
        if self.chance(80):
            self.put("do return %s end" % ", ".join(self.expression(1) for _ in range(self.random.randint(0, 3))))
        self.depth -= 1
        self.put("end")


def program(random):
    return Generator(random).program()


def damaged(random, text):
    """The program with some of its words taken out, doubled, swapped or replaced: most no longer compile."""
    parts = re.split("(%s)" % TOKENS.pattern, text)
    words = list(range(1, len(parts), 2))
    for _ in range(random.randint(1, 3)):
        if not words:
            break
        i, j = random.choice(words), random.choice(words)
        kind = random.randrange(5)
        if kind == 0:
            parts[i] = ""
        elif kind == 1:
            parts[i] = parts[i] + " " + parts[i]
        elif kind == 2:
            parts[i], parts[j] = parts[j], parts[i]
        elif kind == 3:
            parts[i] = random.choice(["end", "do", "(", ")", "{", "}", "=", "..", "...", "local", "function", "1", "'", '"', "[[", "]]", "return", "break", ",", ".", ":", "~", "@", "\x01", "0x", "1e", "--[[", "\\"])
        else:
            parts[i] = parts[i][:random.randint(0, len(parts[i]))]
    return "".join(parts)
