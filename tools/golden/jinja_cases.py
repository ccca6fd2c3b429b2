"""The conformance cases: small templates over every construct, and conversations."""

VARIABLES = {
    "s": "Hello World",
    "u": "Grüße, 世界! ǅ ΑΣ",
    "ws": " \t pad \n",
    "i": 7,
    "neg": -7,
    "f": 2.5,
    "big": 1e20,
    "t": True,
    "n": None,
    "xs": [3, 1, 2],
    "words": ["pear", "Apple", "fig", "apple"],
    "nested": [[1, 2], [3, [4]]],
    "d": {"a": 1, "b": {"c": "deep"}, "items": "shadow"},
    "people": [
        {"name": "Ann", "age": 30, "tags": ["x"]},
        {"name": "bob", "age": 25, "tags": []},
        {"name": "Cid", "age": 30},
    ],
    "html": "<a href=\"x\">'&'</a>",
    "lines": "one\ntwo\r\n\nfour",
    "tree": [{"v": 1, "c": [{"v": 2, "c": []}, {"v": 3, "c": [{"v": 4, "c": []}]}]}],
}

EXPRESSIONS = r"""
1 + 2 * 3
(1 + 2) * 3
7 // 2
-7 // 2
7 % 3
-7 % 3
7 % -3
7 / 2
2 ** 10
2 ** -1
-2 ** 2
2 ** 3 ** 2
7.5 // 2
-7.5 % 2
1e3
1_000 + 0x1F + 0b101 + 0o17
1.5e-7
1e16
123456789.125
0.1 + 0.2
1e22
1.0
-0.0
100000 * 100000
1 / 3
i / 0
i % 0
i // 0
'a' ~ 1 ~ none ~ 2.0 ~ true
'a' + 'b'
'a' + 1
1 + 'a'
[1] + [2]
(1,) + (2,)
[1] + (2,)
'ab' * 3
3 * 'ab'
'ab' * -1
[1, 2] * 2
'a' 'b' "c"
1 < 2 < 3
1 < 3 < 2
1 == 1.0
1 == true
'a' < 'b'
[1, 2] < [1, 3]
1 < 'a'
none < 1
'a' == none
[1, [2]] == [1, [2]]
{'a': 1} == {'a': 1.0}
(1, 2) == [1, 2]
not true
not not 1
not 1 == 2
true and 'x'
0 or 'y'
'' or none or 'z'
1 and 0 or 5
1 if true else 2
1 if false else 2
1 if false
(1 if false) is defined
'a' if 0 else 'b' if 0 else 'c'
'x' in 'xyz'
'q' not in 'xyz'
2 in xs
2 not in xs
'a' in d
1 in 'a'
1 in 5
'a' in undefined_thing
[]
{}
()
(1,)
(1)
[1, 'two', 3.0, none, true]
{'a': 1, 'b': [1, 2]}
{1: 'x', none: 'y'}
{[1]: 2}
'it\'s'
"say \"hi\""
['it\'s', "q\"q", 'both\'"']
['\n\t\\\x01é\u200b']
'\u00e9\x41\101\U0001F600'
'tab\tnew\nline'
'\q'
u
u|length
u[0]
u[-1]
u[2:5]
u[::-1]
s[::2]
s[-5:]
s[:-6]
s[100:]
s[5]
s[100]
s[1:100:3]
s[::-2]
s[::0]
xs[0]
xs[-1]
xs[5]
xs[1:]
xs[::-1]
xs[:2]
xs['a']
xs[-10:2]
d['a']
d.a
d.b.c
d['b']['c']
d.items
d['items']
d.keys()
d.values()|list
d.items()|list
d.get('a')
d.get('z')
d.get('z', 'dflt')
d.missing
d.missing.deeper
d.missing is defined
missing
missing.x
missing['x']
missing()
missing + 1
missing ~ 'x'
missing == missing2
missing|length
missing|list
missing|default('d')
missing|upper
missing|int
missing|tojson
missing|string
missing|trim
missing|join(',')
-missing
missing < 1
not missing
i.foo
none.foo
xs.0
people.0.name
nested.1.1.0
people[0].name
n
t
f
big
d
people
nested
d.update({'x': 1})
xs.append(1)
xs.pop()
d.pop('a')
d.clear
xs.sort()
xs.index(1)
xs.index(99)
xs.count(1)
xs.copy()
d.copy()
d.__class__
s.__class__
range(5)
range(5)|list
range(2, 8, 3)|list
range(5, 0, -2)|list
range(0)|list
range(3)[1]
range(10)[2:5]
range(100001)
range(1, 2, 0)
range('a')
dict(a=1, b=2)
dict({'a': 1}, b=2)
dict([('a', 1)])
namespace(a=1).a
namespace(a=1).b
joiner(',')()
strftime_now('%d %b %Y')
strftime_now('%A, %B %-d %H:%M:%S')
raise_exception('no')
s.upper()
s.lower()
s.title()
s.capitalize()
s.swapcase()
u.upper()
u.lower()
u.title()
u.capitalize()
'straße ﬁ'.upper()
'İ'.lower()|length
'ΟΔΟΣ'.lower()
ws.strip()
ws.lstrip()
ws.rstrip()
'xxhixx'.strip('x')
'xyhiyx'.lstrip('yx')
'xyhiyx'.rstrip('yx')
'abc'.strip(none)
' \u3000\xa0 wide\u2003'.strip()
'a,b,c'.split(',')
'a,b,c'.split(',', 1)
'a,b,c'.rsplit(',', 1)
'a,b,c'.split(',', maxsplit=1)
' a  b '.split()
' a  b  c '.split(none, 1)
' a  b  c '.rsplit(none, 1)
'abc'.split('')
''.split()
''.split(',')
'aXbXc'.split('X')[-1]
lines.splitlines()
lines.splitlines(true)
'a\x0bb\x0cc\x1cd\x85e\u2028f'.splitlines()
s.startswith('Hell')
s.startswith(('X', 'He'))
s.startswith('World', 6)
s.endswith('ld')
s.endswith(('X', 'ld'))
s.endswith([])
s.startswith(1)
s.replace('l', 'L')
s.replace('l', 'L', 1)
s.replace('', '-')
s.replace('', '-', 2)
s.replace('World', u)
s.find('o')
s.find('o', 5)
s.find('zz')
s.rfind('o')
s.index('W')
s.index('zz')
s.rindex('o')
s.count('l')
s.count('')
s.count('l', 4)
u.find('世')
','.join(words)
','.join([1])
'-'.join('abc')
'{} {}'.format(1, 'x')
'{0}{1}{0}'.format('a', 'b')
'{a} {b:>5}'.format(a=1, b='x')
'{:05d}|{:<4}|{:^5}|{:>4}'.format(42, 'a', 'b', 'c')
'{:.2f} {:e} {:g} {:%}'.format(3.14159, 12345.678, 0.0001, 0.25)
'{:,} {:_} {:x} {:#x} {:b} {:o}'.format(1234567, 1234567, 255, 255, 5, 8)
'{:+d} {: d} {:*^9}'.format(5, 5, 'mid')
'{!r} {!s}'.format('a', 'a')
'{0[a]} {0[b][c]}'.format(d)
'{{}} {}'.format(1)
'{'.format(1)
'{} {1}'.format(1, 2)
'{5}'.format(1)
'{x}'.format(1)
'{:d}'.format('a')
'{:.3}'.format('abcdef')
'{:{w}}|'.format('a', w=5)
'{}'.format(none)
'{:>6}'.format(true)
'{0.name}'.format(people[0])
'%s and %d' % ('a', 3)
'%s' % 'x'
'%5s|%-5s|' % ('a', 'b')
'%05d %+d %x %X %o' % (42, 7, 255, 255, 8)
'%.2f %e %g' % (3.14159, 12345.678, 0.0001)
'%r %a' % ('é', 'é')
'%(a)s' % d
'%%' % ()
'%s' % ()
'%s' % (1, 2)
'%d' % 'a'
'%c%c' % ('a', 98)
'%*d' % (5, 3)
'%q' % 1
'%.3s' % 'abcdef'
'%s' % xs
'abc'.isalpha()
'ab1'.isalnum()
'123'.isdigit()
'²'.isdigit()
'²'.isdecimal()
'½'.isnumeric()
''.isdigit()
'  '.isspace()
'ABC'.isupper()
'abc1'.islower()
'Ab Cd'.istitle()
'abc'.isidentifier()
'a b'.isidentifier()
'abc'.isascii()
'é'.isascii()
'abc'.isprintable()
'prefix-x'.removeprefix('prefix-')
'x.txt'.removesuffix('.txt')
'42'.zfill(5)
'-42'.zfill(5)
'ab'.center(7)
'ab'.center(7, '*')
'abc'.center(6, '*')
'ab'.ljust(4) ~ '|'
'ab'.rjust(4, '.')
'a-b-c'.partition('-')
'a-b-c'.rpartition('-')
'abc'.partition('-')
'a\tb'.expandtabs(4)
'abc'.nosuch()
'abc'.upper(1)
s.encode
(2.5).is_integer()
s|upper
s|lower
s|title
'foo-bar (baz) it\'s'|title
s|capitalize
s|length
xs|length
d|length
5|length
none|length
s|count
ws|trim
'xxaxx'|trim('x')
s|replace('o', '0')
s|replace('o', '0', 1)
5|replace(5, 6)
s|first
s|last
xs|first
xs|last
[]|first
''|last
d|first
xs|list
s|list
d|list
5|list
xs|join
xs|join('-')
xs|join(1)
people|join(', ', attribute='name')
none|join(',')
[1, none, 'a']|join('|')
missing|d('x')
''|d('x')
''|d('x', true)
none|default('x')
none|default('x', boolean=true)
missing|default
xs|sort
xs|sort(reverse=true)
words|sort
words|sort(case_sensitive=true)
words|sort(true)
people|sort(attribute='age')|map(attribute='name')|join(',')
people|sort(attribute='age,name', reverse=true)|map(attribute='name')|join(',')
[1, 'a']|sort
words|unique|list
words|unique(case_sensitive=true)|list
people|unique(attribute='age')|map(attribute='name')|list
xs|reverse|list
s|reverse
5|reverse
words|map('upper')|list
words|map('replace', 'p', 'P')|join(' ')
people|map(attribute='name')|list
people|map(attribute='tags', default='none')|list
people|map(attribute='tags.0')|list
xs|map('nosuch')|list
xs|map
xs|select('odd')|list
xs|select('gt', 1)|list
xs|select|list
[0, 1, '', 'a', none]|select|list
xs|reject('odd')|list
[0, 1]|reject|list
people|selectattr('age', 'eq', 30)|map(attribute='name')|list
people|selectattr('tags')|map(attribute='name')|list
people|rejectattr('tags', 'defined')|map(attribute='name')|list
people|rejectattr('age', '>', 26)|map(attribute='name')|list
people|selectattr('name', 'equalto', 'bob')|first
people|selectattr('name', 'equalto', 'zed')|first
people|groupby('age')
people|groupby('age')|map(attribute='list')|map('length')|list
people|groupby('tags', default='?')|length
words|groupby('0')|map(attribute='grouper')|list
d|dictsort
{'b': 1, 'A': 2}|dictsort
{'b': 1, 'A': 2}|dictsort(true)
{'b': 1, 'A': 2}|dictsort(by='value')
{'b': 1, 'A': 2}|dictsort(reverse=true)
d|items|list
missing|items|list
5|items
xs|min
xs|max
words|min
words|max(case_sensitive=true)
people|max(attribute='age')
[]|max
xs|sum
people|sum(attribute='age')
xs|sum(start=10)
['a']|sum
[[1], [2]]|sum(start=[])
[1, 2.5]|sum
neg|abs
(-2.5)|abs
'a'|abs
f|round
2.567|round(2)
2.5|round
3.5|round
2.45|round(1, 'ceil')
2.45|round(1, 'floor')
42|round
1234|round(-2)
2.5|round(0, 'nope')
'42'|int
'4_2'|int
'0x1A'|int(0, 16)
'1A'|int(base=16)
'abc'|int
'abc'|int(9)
'3.9'|int
3.9|int
none|int
xs|int
'2.5'|float
'abc'|float
'abc'|float(1.5)
7|float
'inf'|float
'nan'|float
' 5 '|int
5|string
none|string
xs|string
xs|batch(2)|list
xs|batch(2, 'x')|list
range(7)|slice(3)|list
range(7)|slice(3, 'x')|list
range(6)|slice(3, 'x')|list
s|indent
lines|indent(2)
lines|indent(2, true)
lines|indent(2, first=true, blank=true)
lines|indent('> ')
'a\n'|indent(2)
s|wordcount
'it\'s a-b_c 世界'|wordcount
'%s-%s'|format('a', 'b')
'%(x)s'|format(x=1)
s|truncate(5)
s|truncate(8, true, '~', 0)
s|truncate(8, false, '...', 0)
s|truncate(9)
s|truncate(2)
s|center(15)
s|urlencode
'a/b c&d=é'|urlencode
{'q': 'a b', 'r': 1}|urlencode
[('q', 'é/')]|urlencode
s|wordwrap(5)
'a long-hyphenated wordywordyword here'|wordwrap(10)
'aaaaaaaaaa bb'|wordwrap(4, false)
html|e
html|escape
html|e|e
html|forceescape
html|safe
('<b>'|safe) + '<i>'
'<i>' + ('<b>'|e)
('<b>'|safe) ~ '<i>'
('%s'|safe) % '<i>'
('{}'|safe).format('<i>')
('<b>'|safe).upper()
('<b>'|safe)|upper
('-'|safe).join(['<', '>'])
['<'|safe]
('<b>'|safe).replace('b', '<')
('<b>'|safe) * 2
1000|filesizeformat
1|filesizeformat
1500000|filesizeformat
1048576|filesizeformat(true)
d|attr('a')
s|attr('upper')
d|tojson
xs|tojson
people|tojson
people|tojson(indent=2)
{'b': 1, 'a': [1, {'c': none}]}|tojson(indent=4)
{'b': 1, 'a': 2}|tojson(sort_keys=true)
{'b': 1, 'a': 2}|tojson(separators=(',', ':'))
'<é>"\\/\n\x01\x7f😀'|tojson
'é\x7f😀'|tojson(ensure_ascii=true)
{1: 2, none: 3, true: 4, 1.5: 6}|tojson
(1, 2)|tojson
1.0|tojson
1e20|tojson
[]|tojson(indent=2)
{}|tojson
range(3)|tojson
d.keys()|tojson
{(1, 2): 3}|tojson
[1, [2, []]]|tojson(indent=1)
xs|tojson('x')
s|tojson|length
s is defined
missing is undefined
n is none
t is boolean
1 is boolean
1 is integer
true is integer
1.0 is float
1 is number
true is number
'1' is number
s is string
d is mapping
xs is mapping
xs is sequence
s is sequence
d is sequence
5 is sequence
range(3) is sequence
xs|map('upper') is sequence
xs|map('upper') is iterable
xs is iterable
s is iterable
5 is iterable
n is iterable
missing is iterable
missing is sequence
range is callable
s is callable
s.upper is callable
t is true
1 is true
false is false
0 is false
3 is odd
4 is even
'a' is odd
9 is divisibleby 3
9 is divisibleby(4)
9 is divisibleby 0
'abc' is lower
'ABC' is upper
'Abc' is lower
'1' is upper
1 is eq 1
1 is equalto 2
1 is ne 2
1 is lt 2
2 is gt 1
2 is ge 2
1 is le 0
1 is lessthan 2
1 is greaterthan 2
'a' is in ['a']
'a' is not in ['a']
2 is in(xs)
n is sameas none
t is sameas true
'upper' is filter
'nosuch' is filter
'odd' is test
'nosuch' is test
('a'|e) is escaped
'a' is escaped
1 is not none
1 is none or true
1 is nosuch
1|nosuch
1|nosuch if false else 2
1 is nosuch if false else 2
1|nosuch if true else 2
1 is odd is even
xs|length > 2 and s|length < 20
not xs|length == 3
-xs|length
-i|abs
i|abs + 1
'a' ~ 'b'|upper
('a' ~ 'b')|upper
'a' in 'abc' and 'z' not in 'abc'
1 + 2 ~ 3 * 4
xs|map('string')|join('+') ~ '=' ~ xs|sum
(xs|select('gt', 1)|list|length, 2)
{'a': {'b': [1, {'c': 'x'}]}}.a.b[1].c
dict(**{'a': 1})
dict(*[[('a', 1)]])
range(*[1, 4])|list
'{}-{}'.format(*xs[:2])
'{a}'.format(**d)
dict(a=1, a=2)
range(1, 2, 3, 4)
s|upper(1)
s|replace('a')
s|indent(nope=1)
[1, 2,]
{'a': 1,}
(1, 2,)
1, 2
1,
[1 2]
{'a' 1}
(1
1 +
+ 1
+'a'
*
a.
a b
'unclosed
{{
1 }} {{ 2
é_name
x²
a if b if c
a is
a|
i.real
self
' a  b '.split(none, 0)
' a  b '.rsplit(none, 0)
'a  b  c'.rsplit(none, 5)
'a=b&c'|urlencode|upper
range(8)|slice(3, 'x')|list
range(0)|slice(2, 'x')|list
[]|batch(2, 'x')|list
'{:10.3f}|{:<10}|{:^+8d}|{:=+6}'.format(3.14159, 2.5, 7, 7)
'{:08.2f}|{:e}|{:.0f}|{:g}'.format(-3.14159, 0.0, 2.5, 1e20)
'{:.3}|{:.3}|{:10.4}'.format(1234.5678, 100.0, 0.00001234)
'{:s}{:d}'.format('a', true)
'{:x}'.format(1.5)
'{0!r:>8}'.format('a')
'{:é>4}'.format('a')
'%08.3f|%-8d|%+.1e|% d' % (3.14159, 42, 12345.678, 5)
'%#x %#o' % (255, 8)
'%i %u' % (3.9, 4)
'%(a)s %(b)s' % {'a': 1, 'b': [2]}
'%s %s' % ['a', 'b']
'%s' % {'a': 1}
'%d%%' % 5
'abc' % ()
'abc' % 1
'abc' % {}
''.join([])
'a'.join('')
'aaa'.replace('aa', 'b')
'aaaa'.count('aa')
'abc'.find('')
'abc'.find('', 3)
'abc'.find('', 4)
'abc'.rfind('')
'abc'.count('', 4)
'abc'.startswith('', 4)
'abc'.startswith('')
'ababab'.rsplit('ab')
'aXXb'.split('X')
'a\n\rb\r\nc'.splitlines()
'\n'.splitlines()
''.splitlines()
'x'.split('toolongseparatorofmorethansixteen')
('ab' * 20).count('abababababababababababab')
('ab' * 20).find('bababababababababababb')
xs[-1:]
xs[:-1]
xs[::2]
xs[2:0:-1]
xs[5:1]
(1, 2, 3)[::-1]
range(10)[::-3]|list
range(10)[::2]
'héllo'[1]
'日本語'[::-1]
'日本語'|reverse
'日本語'.center(9, '・')
[1, 2] is iterable
{} is sequence
'' is defined
0.1 + 0.7
1e-5
1e100
123456789012345680.0
5e-324
1.7976931348623157e308
1e400
2.0 ** 0.5
0 ** -1
2 ** 0.5
2.0 ** 3
10 // 3.0
-10 // 3.0
5 % 3.5
1.0 // 0
true + true
true * 'ab'
'ab' * true
not missing.x
missing in xs
none in xs
[none] == [none]
none == false
0 == false
'1' == 1
{'a': [1]} == {'a': [1]}
[1, 2] != [1, 2]
(1, 2) < (1, 3)
'Z' < 'a'
1 < 2.5
true < 2
1.5|int + 1
'12abc'|int(7)
'  -12 '|int
''|int
'1e3'|float
'1_000'|float
'0x10'|float
true|int
true|float
false|string
xs|sum / xs|length
'%.2f'|format(2.345)
2.675|round(2)
-2.5|round
1234.5678|round(-2)
'a,b'.split(',')|map('trim')|list
'abc'|list|join(',')
'abc'|map('upper')|join
d.items()|map('first')|list
d|map('upper')|list
people|map(attribute='name')|map('lower')|sort|join(' ')
people|selectattr('age', 'in', [25])|list|length
people|rejectattr('tags')|list|length
people|groupby('name')|map('first')|list
people|sum(attribute='nope')
[3, 1, 2]|sort|first
[[2, 'b'], [1, 'a']]|sort
[true, 2, 0.5]|sort
{'x': 1}|list
{'b': 1, 'a': 2}|sort
{'a': 1}|items|first
'a-b'|title
'ünï çödé'|title
"it's"|title
'x'|indent('ab', true)
''|indent(2, true)
'a\n\nb'|indent(2, blank=true)
'a\n\nb'|indent(2)
words|join(', ')|upper|length
words|min ~ words|max
'a'|default('b') ~ (missing|default('c', true))
'<'|e ~ '<'
'&lt;'|e
5|e
none|e
'"\u2028\ud7ff'|tojson
'a/b'|tojson
{'k': 'v'}|tojson|safe
{'a': 1, 'b': [1, 2, {'c': []}]}|tojson(indent=2, sort_keys=true, separators=(', ', ' = '))
-0.0|tojson
1e-7|tojson
12345678901234567|tojson
9223372036854775807
-9223372036854775807
xs|list|list
xs[true]
xs[1.0]
d[[1]]
'abc'[1:2][0]
'a' < 'B'
'é' > 'z'
[1, 2] + [3] == [1, 2, 3]
1 in {1.0: 'x'}
{1: 'a', 1.0: 'b', true: 'c'}
d == d.copy()
xs.index
loop
self is defined
varargs
true is true and True is true and TRUE is undefined
None is none and null is undefined
cycler('a', 'b').next()
cycler('a', 'b').current
cycler()
namespace(**{'a': 2}).a
""".strip("\n").split("\n")

STATEMENTS = [
    "{#", "a{#", "{{", "{% raw %}x", "{%raw%}{{{%endraw%}", "{# a #}{# b #}\n\nc", "{% if 1 %}\r\n\r\nx{% endif %}\r\n", "a\rb\r\nc",
    "{% for i in range(2) %}{% for j in range(2) %}{{ loop.first }}{{ i }}{{ j }}{% endfor %}{% else %}x{% endfor %}", "{% for x in xs if loop.first %}{{ x }}{% endfor %}",
    "{% for x in xs recursive %}{{ x }}{% endfor %}", "{% for x in tree recursive %}{{ loop.depth0 }}{{ loop.index }}{{ loop(x.c) if x.c }}{% else %}!{% endfor %}",
    "{% for x in xs -%}\n {{ x }} \n{%- endfor %}", "{% for x in xs %}{{ loop.last and 'end' or x }}{% endfor %}", "{% set q = namespace(n=0) %}{% for x in xs if x is odd %}{% set q.n = q.n + 1 %}{% else %}z{% endfor %}{{ q.n }}",
    "{% macro m(a, b='d', *c) %}{% endmacro %}", "{% macro m(a, a) %}{% endmacro %}", "{% macro m() %}{{ kwargs.x }}{% endmacro %}{{ m(x=1) }}", "{% macro m(caller) %}{{ caller() }}{% endmacro %}", "{% macro m(x) %}{{ x }}{% endmacro %}{{ [1, 2]|map('string')|map('upper')|list }}{{ m(*[1]) }}{{ m(**{'x': 2}) }}",
    "{% set x = namespace(a=[1]) %}{% set x.a = x.a + [2] %}{{ x.a }}", "{% set x = [1, 2] %}{% set a, b = x %}{{ b }}{{ a }}", "{% set a %}{% endset %}[{{ a }}]", "{% set a %}{% for x in xs %}{{ x }}{% endfor %}{% endset %}{{ a|int + 1 }}",
    "{% if not xs %}a{% elif d.a == 1 and f > 2 %}b{% endif %}", "{% if (1 if t else 0) == 1 %}y{% endif %}", "{% filter trim %}  x  {% endfilter %}|", "{% filter indent(2) %}a\nb{% endfilter %}", "{% with x = xs|first %}{{ x }}{% endwith %}", "{% with (a, b) = (1, 2) %}{{ a }}{% endwith %}",
    "{% call(x=1) undefined_macro() %}{% endcall %}", "{% macro m() %}{{ caller(caller) }}{% endmacro %}{% call(c) m() %}k{% endcall %}", "{% break", "{{ 'a'\n~\n'b' }}", "{{\n1\n}}\n", "{%\nif 1\n%}x{%\nendif\n%}", "{{ 1 if 0 else }}", "{{ x.y.z is defined }}", "{{ (x or d).a }}",
    "", "plain", "a\n", "a\n\n", "\n", "\r\nx\r\n", "{{ 1 }}\n", "a {# comment #} b", "{# c #}\nx", "  {# c #}\nx",
    "{#- c -#}  x", "a  {#- c -#}  b", "{# unclosed", "{% raw %}{{ x }}{% endraw %}",
    "a\n  {% raw %}\n {{ x }}\n  {% endraw %}\nb", "a {%- raw -%} {{ x }} {%- endraw -%} b", "{% raw %}",
    "  {% if true %}\n  x\n  {% endif %}\ny", "  {%+ if true %}\n  x\n  {%+ endif %}\ny",
    "a {%- if true -%} b {%- endif -%} c", "{% if true +%}\nx{% endif %}", "a\n {{- 1 -}} \n b",
    "{{+ 1 }}", "{{ 1 -}}\n\n x", "x {% if true %} y {% endif %} z", "\t{% if true %}\n\tx\n\t{% endif %}\n",
    "{% if 0 %}a{% elif 1 %}b{% else %}c{% endif %}", "{% if 0 %}a{% elif 0 %}b{% else %}c{% endif %}",
    "{% if xs %}y{% endif %}", "{% if missing %}y{% else %}n{% endif %}", "{% if missing.x %}y{% endif %}",
    "{% if 1 %}", "{% endif %}", "{% if %}x{% endif %}", "{% else %}", "{% nosuch %}", "{% %}", "{%", "{% 1 %}",
    "{% for x in xs %}{{ x }},{% endfor %}", "{% for x in xs %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }};{% endfor %}",
    "{% for x in [] %}a{% else %}empty{% endfor %}", "{% for x in missing %}a{% else %}empty{% endfor %}",
    "{% for x in xs if x > 1 %}{{ loop.index }}{{ x }}/{{ loop.length }} {% endfor %}", "{% for x in xs if x > 9 %}a{% else %}none{% endfor %}",
    "{% for x in 5 %}{% endfor %}", "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}",
    "{% for (a, b) in [(1, 2), (3, 4)] %}{{ a }}{{ b }} {% endfor %}", "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for a, b in [(1, 2, 3)] %}{% endfor %}", "{% for c in u %}[{{ c }}]{% endfor %}", "{% for x in 1, 2 %}{{ x }}{% endfor %}",
    "{% for x in xs %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}", "{% for x in xs %}{{ loop.previtem is defined }}{% endfor %}",
    "{% for x in [1, 1, 2] %}{{ loop.changed(x) }} {% endfor %}", "{% for x in xs %}{{ loop.cycle('a', 'b') }}{% endfor %}", "{% for x in xs %}{{ loop.cycle() }}{% endfor %}",
    "{% for x in tree recursive %}{{ loop.depth }}:{{ x.v }}{% if x.c %}({{ loop(x.c) }}){% endif %} {% endfor %}",
    "{% for x in xs %}{{ loop(xs) }}{% endfor %}", "{% for x in xs %}{{ loop }} {% endfor %}", "{% for x in xs %}{{ loop.nope }}{% endfor %}",
    "{% for x in xs %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}", "{% for x in xs %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% break %}", "{% for x in xs %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}", "{% for x in xs %}{% for y in xs %}{% break %}{% endfor %}{{ x }}{% endfor %}",
    "{% for x in xs %}{% for y in xs %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}", "{% for x in xs %}{% set loop = 1 %}{% endfor %}", "{% for loop in xs %}{% endfor %}",
    "{% for x in xs %}{{ x }}{% endfor %}{{ x }}", "{% set x = 0 %}{% for y in xs %}{% set x = y %}{{ x }}{% endfor %}{{ x }}",
    "{% set ns = namespace(x=0) %}{% for y in xs %}{% set ns.x = ns.x + y %}{% endfor %}{{ ns.x }}", "{% set x.y = 1 %}", "{% set d.a = 2 %}", "{% set ns = namespace() %}{% set ns.a = 1 %}{{ ns.a }}{{ ns.b }}",
    "{% set x = 1 %}{{ x }}", "{% set x, y = 1, 2 %}{{ x }}{{ y }}", "{% set x, y = [1] %}", "{% set x %}a{{ i }}b{% endset %}{{ x }}", "{% set x | upper %}a{{ i }}b{% endset %}{{ x }}", "{% set x | replace('a', 'z') | upper %}aab{% endset %}{{ x }}",
    "{% set x | length %}abc{% endset %}{{ x + 1 }}", "{% set true = 1 %}", "{% set 1 = 2 %}", "{% set x = %}", "{% set x = 1, 2 %}{{ x }}", "{% set (x, y) = (1, 2) %}{{ y }}",
    "{% if true %}{% set x = 1 %}{% endif %}{{ x }}", "{% set xs = xs + [9] %}{{ xs }}", "{% set ns = namespace(a=1) %}{% set ns.a, q = 5, 6 %}{{ ns.a }}{{ q }}",
    "{% macro m(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(b=4, a=5) }}", "{% macro m(a) %}[{{ a }}]{% endmacro %}{{ m() }}", "{% macro m(a) %}{{ a.x }}{% endmacro %}{{ m() }}", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(z=1) }}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, z=3) }}", "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}", "{% macro m() %}{{ x }}{% endmacro %}{% set x = 1 %}{{ m() }}", "{% macro m() %}{% set x = 2 %}{% endmacro %}{% set x = 1 %}{{ m() }}{{ x }}",
    "{% macro m(a, b=1, c) %}{% endmacro %}", "{% macro m(a)%}{{ m.name }}{{ m.arguments }}{% endmacro %}{{ m(1) }}", "{% macro outer() %}{% macro inner(x) %}<{{ x }}>{% endmacro %}{{ inner(1) }}{% endmacro %}{{ outer() }}", "{% macro m(n) %}{{ n }}{% if n > 0 %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(3) }}",
    "{% macro m() %}a{% endmacro %}{{ m()|upper }}{{ m() ~ 'b' }}{{ m()|length }}", "{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}body{% endcall %}", "{% macro m() %}[{{ caller(1, 2) }}]{% endmacro %}{% call(a, b) m() %}{{ a }}{{ b }}{% endcall %}", "{% macro m() %}x{% endmacro %}{% call m() %}body{% endcall %}", "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}", "{% call 1 %}{% endcall %}",
    "{% filter upper %}a{{ s }}{% endfilter %}", "{% filter replace('a', 'b')|upper %}banana{% endfilter %}", "{% filter nosuch %}{% endfilter %}", "{% filter length %}abc{% endfilter %}",
    "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}", "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }}", "{% set a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}",
    "{% generation %}x{{ i }}{% endgeneration %}", "{% generation %}\nx\n{% endgeneration %}\ny", "{% for x in xs %}{% generation %}{{ loop.index }}{% endgeneration %}{% endfor %}", "{% generation %}{% set q = 1 %}{% endgeneration %}{{ q }}", "{% generation %}",
    "{% print 1 %}", "{% print 1, 2 %}", "{% do 1 %}", "{{ 1 }}{{ 2 }}", "{{ }}", "{{ {'a': {'b': 1}} }}", "{{ {'a': 1}['a'] }}", "{{ '}}' }}", "{{ '%}' }}{% if '%}' %}x{% endif %}", "{{ 1 } }", "{{ (1] }}",
    "{% if true %}{{ 1|nosuch }}{% endif %}", "{% if false %}{{ 1|nosuch }}{% endif %}ok", "{% if false %}{% for x in xs %}{{ 1|nosuch }}{% endfor %}{% endif %}ok", "{% for x in [] %}{{ 1|nosuch }}{% endfor %}ok",
    "{% if s is string and d is mapping and xs is sequence %}ok{% endif %}", "{% for p in people %}{{ p.name }}{{ ', ' if not loop.last }}{% endfor %}", "{% for p in people|sort(attribute='name') %}{{ p.name }} {% endfor %}", "{% for g, l in people|groupby('age') %}{{ g }}:{{ l|length }} {% endfor %}",
    "{% for x in xs|reverse %}{{ x }}{% endfor %}", "{% for x in range(3) %}{{ x }}{% endfor %}", "{% for x in xs|map('string') %}{{ x }}{{ loop.length }}{% endfor %}", "{% set g = xs|map('string') %}{{ g|list }}{{ g|list }}", "{% set g = xs|select('odd') %}{{ g|first }}{{ g|list }}",
    "{% set j = joiner('; ') %}{% for x in xs %}{{ j() }}{{ x }}{% endfor %}", "{% set c = cycler('a', 'b') %}{% for x in xs %}{{ c.next() }}{% endfor %}{{ c.current }}{{ c.reset() }}{{ c.next() }}",
    "line one\n  {%- if true %}\n    kept\n  {%- endif %}\nend", "{%- for x in xs %}\n  {{- x }}\n{%- endfor %}\n", "a{% if true %}\n\n b{% endif %}\n\nc\n", "{% for x in xs %}\n{{ x }}\n{% endfor %}\n\n", "{% set x = 'a' -%}\n\n  b", "{{ 'a' }}  {% if true %}  b  {% endif %}  ", "\u00a0{% if true %}x{% endif %}", "x\u00a0\n\u2003{%- if true %}y{% endif %}",
    "{% set x = 1 if true else 2 %}{{ x }}", "{% if 1 if true else 0 %}x{% endif %}", "{% for x in (xs if true else []) %}{{ x }}{% endfor %}", "{% for x in xs if true else [] %}{% endfor %}",
    "{{ missing or 'fallback' }}", "{{ (missing or {}).x is defined }}", "{{ 'a' if missing else 'b' }}", "{{ [missing] }}", "{{ {'a': missing} }}", "{{ missing is none }}",
    "{{ d['b'].c.upper()|lower|title }}", "{{ people[0]['tags'][0] }}", "{{ people[-1].name }}", "{{ people[5].name }}", "{{ xs[i] }}", "{{ (1, 2)[0] }}", "{{ 'abc'.upper().lower()[1] }}", "{% set f = s.upper %}{{ f() }}", "{% raw -%}  x  {%- endraw %}",
    "{% set m = d %}{{ m.a }}{% set m = {'a': m} %}{{ m.a.a }}", "{% if xs[0] == 3 and not xs[1] == 3 %}y{% endif %}", "{% if 'a' in d and d['a'] is number %}y{% endif %}", "{{ '\n'.join(['a', 'b']) }}", "{{ 'a\\nb' }}", "{{ \"\\u4e16\" }}",
]

LANGUAGE = ["{{ " + e + " }}" for e in EXPRESSIONS] + STATEMENTS

CHAT_VARIABLES = {"bos_token": "<s>", "eos_token": "</s>", "tools": None, "documents": None,
                  "add_generation_prompt": True}

TOOL = {"type": "function", "function": {
    "name": "get_weather", "description": "Weather <now> & \"later\"",
    "parameters": {"type": "object", "properties": {
        "city": {"type": "string", "description": "Città"},
        "days": {"type": "integer", "enum": [1, 2]}}, "required": ["city"]}}}
CALL = {"role": "assistant", "content": "", "tool_calls": [
    {"id": "call00001", "type": "function",
     "function": {"name": "get_weather", "arguments": {"city": "Zürich", "days": 2}}}]}

USER = {"role": "user", "content": "Hi there"}
CONVERSATIONS = [
    {"messages": [USER]},
    {"messages": [USER], "add_generation_prompt": False},
    {"messages": [{"role": "system", "content": " Be brief.\n"}, USER]},
    {"messages": [{"role": "system", "content": "Be brief."}, USER,
                  {"role": "assistant", "content": "<think>\nhm\n</think>\n\nHello!"},
                  {"role": "user", "content": "你好 🌍 <|im_end|>\n</s>"}]},
    {"messages": [USER], "enable_thinking": False},
    {"messages": [USER, {"role": "assistant", "content": "Yes", "reasoning_content": "because\n"},
                  USER], "enable_thinking": True},
    {"messages": [USER], "tools": [TOOL]},
    {"messages": [{"role": "system", "content": "Use tools."}, USER, CALL,
                  {"role": "tool", "name": "get_weather", "tool_call_id": "call00001",
                   "content": "{\"t\": 21.5}"}], "tools": [TOOL]},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": "Look "},
                                               {"type": "text", "text": "here"}]}]},
    {"messages": [USER, USER]},
    {"messages": []},
    {"messages": [USER], "documents": [{"title": "Doc \"1\"", "text": "Line\nbreak"}]},
]
