# SPDX-License-Identifier: Apache-2.0
"""C that fills, sends, receives and compares every method of a schema, for one side."""

from schema import Bytes, Enum, Frozen, Growing, Scalar, Sequence, String, fields_at


def c_integer(c_type, value):
    if value < -(2**63) + 1:
        return f"({c_type})(-INT64_C(9223372036854775807) - 1)"
    suffix = "UINT64_C" if value > 2**63 - 1 else "INT64_C"
    return f"({c_type}){suffix}({value})" if value >= 0 else f"({c_type})-INT64_C({-value})"


class Side:
    def __init__(self, schema, prefix, header):
        self.header = header
        self.schema = schema
        self.prefix = prefix
        self.lines = []
        self.depth = 0

    def emit(self, *lines):
        self.lines += ["\t" * self.depth + line if line else "" for line in lines]

    def open(self, line):
        self.emit(line)
        self.depth += 1

    def close(self, text="}"):
        self.depth -= 1
        self.emit(text)

    # ---- values

    def fill(self, kind, place, seed):
        """Statements that make PLACE (an lvalue) what SEED says."""
        c_type = kind.c_type(self.prefix) if hasattr(kind, "c_type") else None
        match kind:
            case Scalar(name="bool"):
                self.emit(f"{place} = {seed} & 1;")
            case Scalar(name="float32"):
                self.emit(f"{place} = rt_float({seed});")
            case Scalar(name="float64"):
                self.emit(f"{place} = rt_double({seed});")
            case Enum(closed=True):
                self.emit(f"{place} = pick_{kind.name}({seed});")
            case Scalar() | Enum():
                self.emit(f"{place} = ({c_type}){seed};")
            case Frozen() | Growing():
                self.emit(f"fill_{kind.name}(&{place}, {seed}, minor);")
            case String():
                self.emit(f"{place} = rt_string({seed}, {kind.bound});")
            case _:
                raise ValueError(kind)

    def fill_field(self, field, owner, seed):
        place = f"{owner}->{field.name}"
        match field.type:
            case Bytes(bound=bound):
                count = f"{owner}->n_{field.name}"
                self.emit(f"{count} = (uint32_t)(rt_mix({seed}, 0) % {bound + 1});")
                self.emit(f"{place} = rt_bytes(rt_mix({seed}, 1), {count});")
            case Sequence(element=element, bound=bound):
                count = f"{owner}->n_{field.name}"
                c_type = (
                    "const char *" if isinstance(element, String) else element.c_type(self.prefix)
                )
                self.open("{")
                self.emit(f"{count} = (uint32_t)(rt_mix({seed}, 0) % {bound + 1});")
                self.emit(f"{c_type} *items = rt_alloc({count} * sizeof(*items));")
                self.open(f"for (uint32_t i = 0; i < {count}; i++) {{")
                self.fill(element, "items[i]", f"rt_mix({seed}, i + 1)")
                self.close()
                self.emit(f"{place} = items;")
                self.close()
            case _ if field.array:
                self.open(f"for (uint32_t i = 0; i < {field.array}; i++) {{")
                self.fill(field.type, f"{place}[i]", f"rt_mix({seed}, i + 1)")
                self.close()
            case _:
                self.fill(field.type, place, seed)

    def same(self, kind, left, right):
        """An expression: whether two lvalues are the same."""
        if isinstance(kind, Growing):
            return f"same_{kind.name}(&{left}, &{right})"
        if isinstance(kind, String):
            return f"strcmp({left}, {right}) == 0"
        return f"memcmp(&{left}, &{right}, sizeof({right})) == 0"

    def same_counted(self, kind, left, right, n_left, n_right):
        """Statements that return false where two sequences or bytes differ."""
        self.emit(f"if ({n_left} != {n_right})", "\treturn false;")
        if isinstance(kind, Bytes):
            self.emit(f"if ({n_left} && memcmp({left}, {right}, {n_left}) != 0)")
            self.emit("\treturn false;")
            return
        self.emit(f"for (uint32_t i = 0; i < {n_left}; i++)")
        self.emit(f"\tif (!({self.same(kind.element, f'{left}[i]', f'{right}[i]')}))")
        self.emit("\t\treturn false;")

    # ---- types

    def emit_pick(self, enum):
        c_type = enum.c_type(self.prefix)
        items = [item for item in enum.items if item[2] <= self.schema.minor]
        self.emit(f"static {c_type} pick_{enum.name}(uint64_t seed)")
        self.open("{")
        self.emit(f"static const struct {{ {c_type} value; unsigned since; }} items[] = {{")
        for _, value, since in items:
            self.emit(f"\t{{{c_integer(c_type, value)}, {since}}},")
        self.emit("};", "unsigned n = 0;", "")
        self.emit(f"for (unsigned i = 0; i < {len(items)}; i++)")
        self.emit("\tn += items[i].since <= rt.agreed;")
        self.emit("n = (unsigned)(seed % n);")
        self.open("for (unsigned i = 0;; i++) {")
        self.emit("if (items[i].since <= rt.agreed && n-- == 0)", "\treturn items[i].value;")
        self.close()
        self.close()
        self.emit("")

    def emit_struct(self, struct):
        c_type = struct.c_type(self.prefix)
        fields = [f for f in fields_at(struct, self.schema.minor) if not f.reserved]
        if isinstance(struct, Growing):
            self.emit_default(struct, fields)
        head = f"static void fill_{struct.name}({c_type} *v, uint64_t seed, unsigned minor)"
        self.emit(head)
        self.open("{")
        self.emit("memset(v, 0, sizeof(*v));", "(void)seed;", "(void)minor;")
        for field in fields:
            seed = f"rt_mix(seed, {field.index})"
            if isinstance(field.type, String):
                self.emit(f'v->{field.name} = "";')
            if isinstance(field.type, Growing):
                self.emit(f"default_{field.type.name}(&v->{field.name});")
            if field.since:
                self.open(f"if (minor >= {field.since}) {{")
            if field.optional:
                self.emit(f"v->has_{field.name} = rt_mix({seed}, 99) & 1;")
                self.open(f"if (v->has_{field.name}) {{")
            self.fill_field(field, "v", seed)
            if field.optional:
                self.close()
            if field.since:
                self.close()
        self.close()
        self.emit("")
        if isinstance(struct, Growing):
            self.emit_same(struct, fields)

    def emit_default(self, struct, fields):
        """A struct that the other end does not know: zeroes, but strings are empty."""
        self.emit(f"static void default_{struct.name}({struct.c_type(self.prefix)} *v)")
        self.open("{")
        self.emit("(void)v;")
        for field in fields:
            if isinstance(field.type, String):
                self.emit(f'v->{field.name} = "";')
            elif isinstance(field.type, Growing):
                self.emit(f"default_{field.type.name}(&v->{field.name});")
        self.close()
        self.emit("")

    def emit_same(self, struct, fields):
        c_type = struct.c_type(self.prefix)
        self.emit(f"static bool same_{struct.name}(const {c_type} *a, const {c_type} *b)")
        self.open("{")
        self.emit("(void)a;", "(void)b;")
        for field in fields:
            name = field.name
            if field.optional:
                self.emit(f"if (a->has_{name} != b->has_{name})", "\treturn false;")
            if isinstance(field.type, (Bytes, Sequence)):
                self.same_counted(
                    field.type, f"a->{name}", f"b->{name}", f"a->n_{name}", f"b->n_{name}"
                )
            else:
                same = self.same(field.type, f"a->{name}", f"b->{name}")
                self.emit(f"if (!({same}))", "\treturn false;")
        self.emit("return true;")
        self.close()
        self.emit("")

    # ---- methods

    def c_params(self, method):
        """Declarations of the C parameters of a method."""
        out = []
        for p in method.params:
            const = "const " if p.direction == "in" else ""
            if p.room:
                kind = "void" if p.bytes else p.type.c_type(self.prefix)
                out.append(f"{const}{kind} *{p.name}")
            elif isinstance(p.type, String):
                out.append(f"const char *{p.name}")
            elif isinstance(p.type, Bytes):
                out += [f"const void *{p.name}", f"uint32_t n_{p.name}"]
            elif isinstance(p.type, Sequence):
                out += [self.sequence_decl(p), f"uint32_t n_{p.name}"]
            elif p.direction != "in" or isinstance(p.type, (Frozen, Growing)):
                out.append(f"{const}{p.type.c_type(self.prefix)} *{p.name}")
            else:
                out.append(f"{p.type.c_type(self.prefix)} {p.name}")
        return out

    def sequence_decl(self, p):
        element = p.type.element
        if isinstance(element, String):
            return f"const char *const *{p.name}"
        return f"const {element.c_type(self.prefix)} *{p.name}"

    def unit(self, p):
        return 1 if p.bytes else p.type.size

    def room(self, p, owner):
        """The room of a buffer in units, from the values in OWNER."""
        text = p.room
        for other in p.room_params:
            text = text.replace(other.name, f"(uint64_t){owner}->{other.name}")
        return text

    def emit_values(self, method):
        """struct NAME_in and NAME_out, and what fills them."""
        name = method.name
        self.open(f"struct {name}_in {{")
        self.emit("int any;")
        for p in method.params:
            if p.room:
                self.emit(f"uint8_t *{p.name};", f"uint64_t units_{p.name};")
            elif isinstance(p.type, (Bytes, Sequence)):
                is_bytes = isinstance(p.type, Bytes)
                decl = f"const void *{p.name}" if is_bytes else self.sequence_decl(p)
                self.emit(f"{decl};", f"uint32_t n_{p.name};")
            elif isinstance(p.type, String):
                self.emit(f"const char *{p.name};")
            elif p.direction != "out":
                self.emit(f"{p.type.c_type(self.prefix)} {p.name};")
        self.close("};")
        self.open(f"struct {name}_out {{")
        self.emit("int64_t result;")
        for p in method.params:
            if p.room and p.direction != "in":
                self.emit(f"uint8_t *{p.name};", f"uint64_t units_{p.name};")
            elif p.direction != "in":
                self.emit(f"{p.type.c_type(self.prefix)} {p.name};")
        self.close("};")
        self.emit(f"static struct {name}_out {name}_given;", "")
        self.emit_fill_in(method)
        self.emit_fill_out(method)

    def emit_fill_in(self, method):
        self.emit(f"static void {method.name}_fill_in(struct {method.name}_in *x, unsigned minor)")
        self.open("{")
        self.emit("memset(x, 0, sizeof(*x));", "(void)minor;")
        for p in method.params:
            seed = f"rt_mix(rt.seed, {p.index})"
            if p.room or p.direction == "out":
                continue
            if p.most:
                self.emit(f"x->{p.name} = ({p.type.c_type(self.prefix)})({seed} % {p.most + 1});")
            else:
                self.fill_field(p, "x", seed)
        for p in method.params:
            if p.room:
                self.emit(f"x->units_{p.name} = {self.room(p, 'x')};")
                self.emit(
                    f"x->{p.name} = rt_bytes(rt_mix(rt.seed, {p.index}), "
                    f"x->units_{p.name} * {self.unit(p)});"
                )
        self.close()
        self.emit("")

    def emit_fill_out(self, method):
        name = method.name
        self.emit(
            f"static void {name}_fill_out(struct {name}_out *y, const struct {name}_in *x,",
            "\tunsigned minor)",
        )
        self.open("{")
        self.emit("memset(y, 0, sizeof(*y));", "(void)x;", "(void)minor;")
        most = "INT32_MAX" if method.result == "int32" else "INT64_MAX"
        self.emit(f"y->result = (int64_t)(rt_mix(rt.seed, 1000) % {most});")
        for p in method.params:
            if not p.room and p.direction != "in":
                self.fill_field(p, "y", f"rt_mix(rt.seed, {p.index + 500})")
        for p in method.params:
            if p.room and p.direction != "in":
                self.fill_length(p)
        self.close()
        self.emit("")

    def fill_length(self, p):
        units = f"x->units_{p.name}"
        drawn = f"rt_mix(rt.seed, {p.index + 700}) % ({units} + 1)"
        mine = f"y->units_{p.name}"
        if p.length == "return":
            self.emit(f"{mine} = {drawn};", f"y->result = (int64_t){mine};")
        elif p.length and p.length != p.room:
            self.emit(f"{mine} = {drawn};", f"y->{p.length} = (uint32_t){mine};")
        elif not p.length and p.room_params and p.room_params[0].direction == "inout":
            count = p.room_params[0]
            c_type = count.type.c_type(self.prefix)
            self.emit(f"{mine} = {drawn};", f"y->{count.name} = ({c_type}){mine};")
        else:
            self.emit(f"{mine} = {units};")
        self.emit(
            f"y->{p.name} = rt_bytes(rt_mix(rt.seed, {p.index + 800}), {mine} * {self.unit(p)});"
        )

    def result_type(self, method, handler):
        if method.result == "oneway":
            return "void" if handler else "int"
        return {"void": "int", "int32": "int32_t", "int64": "int64_t"}[method.result]

    # ---- the handler

    def emit_handler(self, method):
        name = method.name
        params = ["struct vb_request *req", *self.c_params(method)]
        self.emit(f"static {self.result_type(method, True)} on_{name}({', '.join(params)})")
        self.open("{")
        self.emit(f"struct {name}_in x;", f"struct {name}_out y;", "")
        self.emit("rt_begin();", "(void)req;")
        self.open("if (rt.is_reencoding) {")
        self.emit_reencode(method)
        self.depth -= 1
        self.open("} else if (!rt.is_replaying) {")
        self.emit(f"{name}_fill_in(&x, rt.agreed);")
        for p in method.params:
            self.check_in(p)
        self.close()
        if method.result == "oneway":
            self.emit("(void)y;", "rt_handled();")
        else:
            self.emit("rt_handled();")
            self.emit("if (rt.is_failing) {", "\terrno = ENOENT;", "\treturn -1;", "}")
            self.emit("if (rt.is_replaying)", f"\ty = {name}_given;", "else")
            self.emit(f"\t{name}_fill_out(&y, &x, MINOR);")
            for p in method.params:
                self.give_out(p)
            if method.result == "void":
                self.emit("return 0;")
            else:
                self.emit(f"return ({self.result_type(method, True)})y.result;")
        self.close()
        self.emit("")

    def check_in(self, p):
        """What the handler sees is what was sent; what goes out begins as zeroes."""
        name = p.name
        pointer = p.direction != "in" or isinstance(p.type, (Frozen, Growing))
        if p.room:
            size = f"x.units_{name} * {self.unit(p)}"
            if p.direction != "out":
                self.emit(f"RT_CHECK({size} == 0 || memcmp({name}, x.{name}, {size}) == 0);")
            elif p.length == p.room and not p.direct:
                self.emit(f"RT_CHECK(rt_is_filled({name}, {size}, 0));")
        elif isinstance(p.type, (Bytes, Sequence)):
            self.emit(f"RT_CHECK(n_{name} == x.n_{name});")
            if isinstance(p.type, Bytes):
                self.emit(f"RT_CHECK(!n_{name} || memcmp({name}, x.{name}, n_{name}) == 0);")
            else:
                self.emit(f"for (uint32_t i = 0; i < n_{name}; i++)")
                same = self.same(p.type.element, f"{name}[i]", f"x.{name}[i]")
                self.emit(f"\tRT_CHECK({same});")
        elif p.direction == "out":
            self.emit(f"RT_CHECK(rt_is_filled({name}, sizeof(*{name}), 0));")
        else:
            place = f"(*{name})" if pointer else name
            self.emit(f"RT_CHECK({self.same(p.type, place, f'x.{name}')});")

    def give_out(self, p):
        if p.direction == "in":
            return
        if p.room:
            self.emit(f"if (y.units_{p.name})")
            self.emit(f"\tmemcpy({p.name}, y.{p.name}, y.units_{p.name} * {self.unit(p)});")
        else:
            self.emit(f"*{p.name} = y.{p.name};")

    def emit_reencode(self, method):
        """Anybody's bytes have been accepted: the stub must write the same ones."""
        args = [f"(struct {self.prefix}_peer *)peer"]
        n_buffers = 0
        self.emit(f"struct vb_peer *const peer = rt_capture(req, &{self.prefix}_side);")
        self.emit("memset(&x, 0, sizeof(x));")
        for p in method.params:
            args.append(p.name)
            if p.room:
                self.emit(f"x.units_{p.name} = req->buffers[{n_buffers}].room / {self.unit(p)};")
                n_buffers += 1
            elif isinstance(p.type, (Bytes, Sequence)):
                args.append(f"n_{p.name}")
        self.emit(f"RT_CHECK({self.prefix}_{method.name}({', '.join(args)}) == -1);")
        self.emit("RT_CHECK(errno == ECANCELED);")
        self.emit(f"rt_captured(req, peer, {n_buffers});")

    # ---- the call

    def emit_call(self, method):
        name = method.name
        prefix = self.prefix
        self.emit(f"static void call_{name}(struct vb_peer *vb)")
        self.open("{")
        self.emit(f"struct {prefix}_peer *const peer = (struct {prefix}_peer *)vb;")
        self.emit(f"struct {name}_in x;", f"struct {name}_out y;")
        args = ["peer"]
        outs = []
        self.emit(f"{name}_fill_in(&x, rt.is_overreaching ? MINOR : rt.agreed);")
        self.emit(f"{name}_fill_out(&y, &x, rt.agreed);")
        for p in method.params:
            self.prepare(p, args, outs)
        self.emit("const unsigned n_handled = rt.n_handled;", "errno = 77;")
        result = self.result_type(method, False)
        self.emit(f"const {result} r = {prefix}_{name}({', '.join(args)});")
        self.emit_refused(method)
        if method.result != "oneway":
            self.emit_answered(method, outs, args)
        self.emit("rt_await(n_handled + 1);")
        if method.result != "oneway":
            self.open("if (rt.is_failing) {")
            self.emit("RT_CHECK(r == -1 && errno == ENOENT && vb->outcome == VB_EXECUTED);")
            self.emit_untouched(outs)
            self.emit("return;")
            self.close()
        expected = "y.result" if method.result in ("int32", "int64") else "0"
        self.emit(f"RT_CHECK(r == {expected} && errno == 77);")
        for p in method.params:
            self.check_out(p)
        self.emit("(void)y;")
        self.close()
        self.emit("")

    def emit_untouched(self, outs):
        for p in outs:
            if p.direction == "out":
                size = f"sizeof(out_{p.name})"
                self.emit(f"RT_CHECK(rt_is_filled(&out_{p.name}, {size}, RT_UNTOUCHED));")
            else:
                self.emit(f"RT_CHECK({self.same(p.type, f'out_{p.name}', f'x.{p.name}')});")

    def emit_answered(self, method, outs, args):
        """Anybody's bytes were the answer: refused, or the service writes the same ones."""
        given = f"{method.name}_given"
        self.open("if (rt.is_answered) {")
        self.open("if (r == -1) {")
        self.emit("RT_CHECK(errno == EPROTO);")
        self.emit_untouched(outs)
        self.emit("return;")
        self.close()
        self.emit(f"memset(&{given}, 0, sizeof({given}));", f"{given}.result = r;")
        for p in outs:
            self.emit(f"{given}.{p.name} = out_{p.name};")
            if p.direction == "inout":
                self.emit(f"out_{p.name} = x.{p.name};")
        for p in method.params:
            if p.room and p.direction != "in":
                self.emit(f"{given}.{p.name} = bytes_{p.name};")
                self.emit(f"{given}.units_{p.name} = {self.given_length(p, given)};")
        self.emit("rt_replay(vb);")
        self.emit(f"RT_CHECK({self.prefix}_{method.name}({', '.join(args)}) == r);")
        self.emit("rt_replayed(vb);", "return;")
        self.close()

    def given_length(self, p, given):
        if p.length == "return":
            return "(uint64_t)r"
        if p.length and p.length != p.room:
            return f"(uint64_t){given}.{p.length}"
        if not p.length and p.room_params and p.room_params[0].direction == "inout":
            return f"(uint64_t){given}.{p.room_params[0].name}"
        return f"x.units_{p.name}"

    def emit_refused(self, method):
        """What the client's stub refuses by itself."""
        not_sent = "r == -1 && vb->outcome == VB_NOT_SENT && rt.n_handled == n_handled"
        if method.since:
            self.open(f"if (rt.agreed < {method.since}) {{")
            self.emit(f"RT_CHECK({not_sent} && errno == ENOSYS);", "return;")
            self.close()
        self.open("if (rt.is_tight && r == -1 && errno == EMSGSIZE) {")
        self.emit(f"RT_CHECK({not_sent});", "return;")
        self.close()
        growing = [p for p in method.params if isinstance(p.type, Growing) and p.direction != "out"]
        growing += [
            p
            for p in method.params
            if isinstance(p.type, Sequence) and isinstance(p.type.element, Growing)
        ]
        if not growing:
            return
        self.open("if (rt.is_overreaching) {")
        self.emit(f"struct {method.name}_in w;", "bool is_same = true;")
        self.emit(f"{method.name}_fill_in(&w, rt.agreed);")
        for p in growing:
            if isinstance(p.type, Growing):
                self.emit(f"is_same &= same_{p.type.name}(&x.{p.name}, &w.{p.name});")
            else:
                self.emit(f"for (uint32_t i = 0; i < x.n_{p.name}; i++)")
                element = p.type.element.name
                self.emit(f"\tis_same &= same_{element}(&x.{p.name}[i], &w.{p.name}[i]);")
        self.open("if (!is_same) {")
        self.emit(f"RT_CHECK({not_sent} && errno == EOPNOTSUPP);", "return;")
        self.close()
        self.close()

    def prepare(self, p, args, outs):
        name = p.name
        if p.room:
            args.append(f"buffer_{name}")
            size = f"x.units_{name} * {self.unit(p)}"
            self.emit(f"uint8_t *const bytes_{name} = rt_alloc({size});")
            self.emit(f"memcpy(bytes_{name}, x.{name}, {size});")
            kind = "void" if p.bytes else p.type.c_type(self.prefix)
            self.emit(f"{kind} *const buffer_{name} = ({kind} *)(void *)bytes_{name};")
        elif isinstance(p.type, (Bytes, Sequence)):
            args += [f"x.{name}", f"x.n_{name}"]
        elif p.direction == "in":
            struct = isinstance(p.type, (Frozen, Growing))
            args.append(f"&x.{name}" if struct else f"x.{name}")
        else:
            outs.append(p)
            self.emit(f"{p.type.c_type(self.prefix)} out_{name};")
            if p.direction == "out":
                self.emit(f"memset(&out_{name}, RT_UNTOUCHED, sizeof(out_{name}));")
                wanted = f"rt.is_answered || rt_mix(rt.seed, {p.index + 900}) % 4 != 0"
                self.emit(f"const bool is_wanted_{name} = {wanted};")
                args.append(f"is_wanted_{name} ? &out_{name} : NULL")
            else:
                self.emit(f"out_{name} = x.{name};")
                args.append(f"&out_{name}")

    def check_out(self, p):
        name = p.name
        if p.direction == "in":
            if p.room:
                size = f"x.units_{name} * {self.unit(p)}"
                self.emit(f"RT_CHECK(memcmp(bytes_{name}, x.{name}, {size}) == 0);")
            return
        if p.room:
            size = f"y.units_{name} * {self.unit(p)}"
            self.emit(f"RT_CHECK(memcmp(bytes_{name}, y.{name}, {size}) == 0);")
            return
        wanted = f"!is_wanted_{name} || " if p.direction == "out" else ""
        self.emit(f"RT_CHECK({wanted}{self.same(p.type, f'out_{name}', f'y.{name}')});")

    # ---- all of it

    def text(self):
        prefix, methods = self.prefix, self.schema.methods
        self.emit(f'#include "{self.header}"', '#include "rt.h"', "")
        self.emit(f"#define MINOR {self.schema.minor}u")
        self.emit(f"extern const struct rt_side {prefix}_side;", "")
        for enum in self.schema.enums:
            if enum.closed:
                self.emit_pick(enum)
        for struct in [*self.schema.frozen, *self.schema.growing]:
            self.emit_struct(struct)
        for method in methods:
            self.emit_values(method)
            self.emit_handler(method)
            self.emit_call(method)
        self.emit("static const struct rt_method methods[] = {")
        for m in methods:
            oneway = "true" if m.result == "oneway" else "false"
            self.emit(f'\t{{"{m.name}", {m.number}, {m.since}, {oneway}, call_{m.name}}},')
        self.emit("};", "")
        self.emit(f"static const struct {prefix}_ops ops = {{")
        self.emit(f"\t.size = sizeof(struct {prefix}_ops),")
        for m in methods:
            self.emit(f"\t.{m.name} = on_{m.name},")
        self.emit("};", "")
        self.emit("static int serve(struct vb_server *server)", "{")
        self.emit(f"\treturn {prefix}_serve(server, &ops, NULL);", "}", "")
        self.emit("static struct vb_peer *bind(struct vb_conn *conn)", "{")
        self.emit(f"\treturn (struct vb_peer *){prefix}_peer_bind(conn);", "}", "")
        self.emit(f"const struct rt_side {prefix}_side = {{")
        self.emit("\t.minor = MINOR,", "\t.methods = methods,")
        self.emit(f"\t.n_methods = {len(methods)},", "\t.serve = serve,", "\t.bind = bind,", "};")
        return "\n".join([*self.lines, ""])
