# SPDX-License-Identifier: Apache-2.0
"""Random interfaces: every kind of type in every place where the language allows it.

A schema is drawn whole, with versions 1.0 to 1.LAST in it; at(minor) is what an older side has.
"""

import dataclasses
import random

LAST_MINOR = 2
SCALARS = {
    "bool": ("bool", 1),
    "int8": ("int8_t", 1),
    "int16": ("int16_t", 2),
    "int32": ("int32_t", 4),
    "int64": ("int64_t", 8),
    "uint8": ("uint8_t", 1),
    "uint16": ("uint16_t", 2),
    "uint32": ("uint32_t", 4),
    "uint64": ("uint64_t", 8),
    "float32": ("float", 4),
    "float64": ("double", 8),
}
INTEGERS = [name for name in SCALARS if "int" in name]


@dataclasses.dataclass
class Scalar:
    name: str

    @property
    def size(self):
        return SCALARS[self.name][1]

    @property
    def align(self):
        return self.size

    def c_type(self, prefix):
        del prefix
        return SCALARS[self.name][0]

    @property
    def bulk(self):
        return self.name != "bool"


@dataclasses.dataclass
class Enum:
    name: str
    base: str
    closed: bool
    items: list  # (name, value, since)

    @property
    def size(self):
        return SCALARS[self.base][1]

    @property
    def align(self):
        return self.size

    def c_type(self, prefix):
        del prefix
        return SCALARS[self.base][0]

    @property
    def bulk(self):
        return not self.closed


@dataclasses.dataclass
class Frozen:
    name: str
    fields: list
    size: int
    align: int

    def c_type(self, prefix):
        return f"struct {prefix}_{self.name}"

    @property
    def bulk(self):
        return all(field.type.bulk for field in self.fields)


@dataclasses.dataclass
class Growing:
    name: str
    fields: list
    plain: bool  # no pointers anywhere beneath: may come out

    def c_type(self, prefix):
        return f"struct {prefix}_{self.name}"


@dataclasses.dataclass
class String:
    bound: int


@dataclasses.dataclass
class Bytes:
    bound: int


@dataclasses.dataclass
class Sequence:
    element: object
    bound: int


@dataclasses.dataclass
class Field:
    name: str
    type: object
    array: int = 0
    optional: bool = False
    since: int = 0
    index: int = 0  # of the whole schema's: the seed of its value
    reserved: bool = False


@dataclasses.dataclass
class Param:
    name: str
    direction: str
    type: object
    room: str = ""  # a buffer's; the language's text and C's are the same
    length: str = ""
    room_params: tuple = ()
    most: int = 0  # of an integer in a room: its largest value
    bytes: bool = False
    bound: int = 0  # of bytes: more than its room ever is
    direct: bool = False
    index: int = 0
    array: int = 0  # never: only fields are arrays


@dataclasses.dataclass
class Method:
    name: str
    number: int
    result: str  # void, int32, int64, oneway
    params: list
    since: int = 0


class Schema:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.identity = self.random.getrandbits(63) | 1
        self.inline = self.random.choice([64, 1024])
        self.enums = []
        self.frozen = []
        self.growing = []
        self.methods = []
        self.minor = LAST_MINOR
        self.draw()

    # ---- drawing

    def draw(self):
        pick = self.random
        for i in range(5):
            self.enums.append(self.draw_enum(i))
        for i in range(5):
            self.frozen.append(self.draw_frozen(i))
        for i in range(8):
            self.growing.append(self.draw_growing(i, plain=i % 2 == 0))
        for i in range(24):
            since = pick.choice([0, 0, 0, 1, 2])
            self.methods.append(self.draw_method(i, since))

    def draw_enum(self, number):
        pick = self.random
        base = pick.choice(INTEGERS)
        bits = SCALARS[base][1] * 8
        low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        if base[0] == "u":
            low, high = 0, 2**bits - 1
        values = {0} | {pick.choice([low, high, pick.randint(low, high), 1]) for _ in range(5)}
        items = []
        for i, value in enumerate(sorted(values, key=abs)):
            items.append((f"V{i}", value, 0 if i < 2 else pick.choice([0, 1, 2])))
        return Enum(f"e{number}", base, number % 2 == 1, items)

    def plain_type(self):
        pick = self.random
        return pick.choice(
            [
                Scalar(pick.choice(list(SCALARS))),
                Scalar(pick.choice(list(SCALARS))),
                pick.choice(self.enums),
                pick.choice(self.frozen) if self.frozen else Scalar("uint64"),
            ]
        )

    def draw_frozen(self, number):
        pick = self.random
        fields, at, align = [], 0, 1
        chosen = [self.plain_type() for _ in range(pick.randint(1, 5))]
        for kind in sorted(chosen, key=lambda kind: -kind.align):
            array = pick.choice([0, 0, 1, 3])
            fields.append(Field(f"f{len(fields)}", kind, array, index=len(fields)))
            at += kind.size * (array or 1)
            align = max(align, kind.align)
            # Sizes are multiples of alignments, and those fall: no padding between.
        if at % align:
            pad = align - at % align
            fields.append(Field("pad", Scalar("uint8"), pad, index=len(fields)))
            at += pad
        return Frozen(f"z{number}", fields, at, align)

    def element_type(self, plain):
        pick = self.random
        kinds = [self.plain_type(), self.plain_type(), String(pick.choice([1, 2, 9, 40]))]
        fitting = [g for g in self.growing if g.plain or not plain]
        if fitting:
            kinds.append(pick.choice(fitting))
        return pick.choice(kinds)

    def heap_type(self):
        pick = self.random
        return pick.choice(
            [
                String(pick.choice([1, 2, 7, 8, 60])),
                Bytes(pick.choice([1, 7, 8, 60])),
                Sequence(self.element_type(plain=False), pick.choice([1, 3, 5])),
                Sequence(self.element_type(plain=False), pick.choice([1, 3, 5])),
            ]
        )

    def draw_growing(self, number, plain):
        pick = self.random
        fields, since = [], 0
        for i in range(pick.randint(2, 9)):
            if i > 0 and pick.random() < 0.3:
                since = min(since + pick.randint(1, 2), LAST_MINOR)
            array = pick.choice([0, 0, 2])
            field = Field(f"g{i}", self.plain_type(), array, since=since, index=i)
            kind = pick.random()
            inner = [g for g in self.growing if g.plain or not plain]
            if kind < 0.25:
                field.optional = True
            elif kind < 0.4 and inner:
                field.type, field.array = pick.choice(inner), 0
            elif kind < 0.7 and not plain:
                field.type, field.array = self.heap_type(), 0
            elif kind < 0.8 and i > 0:
                field.reserved, field.optional = True, pick.random() < 0.5
            fields.append(field)
        return Growing(f"s{number}", fields, plain)

    def draw_method(self, number, since):
        pick = self.random
        result = pick.choice(["void", "int32", "int64", "int64"])
        method = Method(f"m{number}", number * 3 + 1, result, [], since)
        if pick.random() < 0.12:
            method.result = "oneway"
        buffers = 0
        for _ in range(pick.randint(0, 5)):
            if pick.random() < 0.4 and buffers < 4:
                buffers += 1
                self.draw_buffer(method)
            else:
                self.draw_param(method)
        pick.shuffle(method.params)
        for i, param in enumerate(method.params):
            param.index = i
        return method

    def add(self, method, direction, kind, **more):
        param = Param(f"p{len(method.params)}", direction, kind, **more)
        method.params.append(param)
        return param

    def draw_param(self, method):
        pick = self.random
        direction = pick.choice(["in", "in", "out", "inout"])
        if method.result == "oneway":
            direction = "in"
        kind = pick.random()
        if direction != "in":
            plain = [g for g in self.growing if g.plain]
            self.add(method, direction, pick.choice([self.plain_type(), pick.choice(plain)]))
        elif kind < 0.4:
            self.add(method, "in", self.plain_type())
        elif kind < 0.65:
            self.add(method, "in", pick.choice(self.growing))
        else:
            self.add(method, "in", self.heap_type())

    def draw_buffer(self, method):
        pick = self.random
        kind = pick.choice([k for k in [Scalar("uint8"), *self.enums, *self.frozen] if k.bulk])
        buffer = self.add(method, "in", kind)
        if pick.random() < 0.6 or method.result == "oneway":
            buffer.type, buffer.bytes = Scalar("uint8"), True
        if method.result == "oneway":
            buffer.bound = 100
        else:
            buffer.direction = pick.choice(["in", "out", "out", "inout"])
            buffer.direct = pick.random() < 0.3
        self.draw_extent(method, buffer)

    def draw_extent(self, method, buffer):
        pick = self.random
        most = 8 if method.result == "oneway" else pick.choice([8, 40, 300])
        # Small enough for any integer that is drawn.
        base = pick.choice(["uint16", "int32", "int64", "uint64", "uint32"])
        form = pick.random()
        if form < 0.15:
            buffer.room = str(pick.randint(1, 20))
        elif form < 0.3:
            first = self.add(method, "in", Scalar(base), most=min(most, 12))
            second = self.add(method, "in", Scalar("uint8"), most=min(most, 9))
            buffer.room = f"{first.name} * {second.name} + 2"
            buffer.room_params = (first, second)
        elif form < 0.45 and buffer.direction != "in" and method.result != "oneway":
            count = self.add(method, "inout", Scalar(base), most=most)
            buffer.room = count.name
            buffer.room_params = (count,)
            return
        else:
            count = self.add(method, "in", Scalar(base), most=most)
            buffer.room = count.name
            buffer.room_params = (count,)
        if buffer.direction == "in":
            return
        taken = any(param.length == "return" for param in method.params)
        if method.result in ("int32", "int64") and not taken and pick.random() < 0.6:
            buffer.length = "return"
        elif pick.random() < 0.5:
            got = self.add(method, "out", Scalar(pick.choice(["uint32", "int64"])))
            buffer.length = got.name
        else:
            buffer.length = buffer.room

    # ---- versions

    def at(self, minor):
        """The same schema as its version 1.minor was."""
        old = object.__new__(Schema)
        old.identity, old.minor, old.inline = self.identity, minor, self.inline
        old.frozen, old.enums = self.frozen, self.enums
        old.growing = self.growing
        old.methods = [method for method in self.methods if method.since <= minor]
        return old


def fields_at(struct, minor):
    return [field for field in struct.fields if field.since <= minor]


# ---- the language's text


def type_text(kind):
    match kind:
        case Scalar():
            return kind.name
        case String():
            return f"string<{kind.bound}>"
        case Bytes():
            return f"bytes<{kind.bound}>"
        case Sequence():
            return f"sequence<{type_text(kind.element)}, {kind.bound}>"
    return kind.name


def since_text(since):
    return f" since 1.{since}" if since else ""


def param_text(param):
    kind = "bytes" if param.bytes else type_text(param.type)
    if param.bound:
        kind += f"<{param.bound}>"
    extent = ""
    if param.room:
        extent = f"[{param.room} : {param.length}]" if param.length else f"[{param.room}]"
    mark = " direct" if param.direct else ""
    return f"{param.direction} {kind} {param.name}{extent}{mark}"


def field_text(field):
    words = ("reserved " if field.reserved else "") + ("optional " if field.optional else "")
    array = f"[{field.array}]" if field.array else ""
    return f"\t\t{words}{type_text(field.type)} {field.name}{array}{since_text(field.since)};"


def idl_text(schema, prefix):
    """The file of one side; its prefix is all that tells two sides of one minor apart."""
    out = [
        "package random;",
        "",
        f"interface random @0x{schema.identity:016x} version 1.{schema.minor} {{",
        f"\tprefix {prefix};",
        "\tmax_message 64KiB;",
        f"\tmax_inline {schema.inline};",
    ]
    for enum in schema.enums:
        out.append(f"\t{'closed ' if enum.closed else ''}enum {enum.name} : {enum.base} {{")
        for name, value, since in enum.items:
            if since <= schema.minor:
                out.append(f"\t\t{name} = {value}{since_text(since)},")
        out.append("\t};")
    for struct in [*schema.frozen, *schema.growing]:
        frozen = "frozen " if isinstance(struct, Frozen) else ""
        out.append(f"\t{frozen}struct {struct.name} {{")
        out += [field_text(field) for field in fields_at(struct, schema.minor)]
        out.append("\t};")
    for method in schema.methods:
        result = "oneway void" if method.result == "oneway" else method.result
        params = ", ".join(param_text(param) for param in method.params)
        marks = since_text(method.since)
        out.append(f"\t{result} {method.name}({params}) = {method.number}{marks};")
    return "\n".join([*out, "};", ""])
