import * as assert from 'uvu/assert'
import {
  type CreateSnapshotter,
  collect,
  inPieces,
  layer,
  openFixture,
  type SnapshotterFixture,
} from '../snapshotter-fixture.js'
import type { ListedEntry } from '../tar-fixture.js'
import type { RegisterTest } from '../tests.js'

const capability = '0100000200200000000000000000000000000000'
const longName = 'n'.repeat(255)
const longPath = Array.from({ length: 6 }, (_, i) => `${i}`.repeat(200)).join('/')

interface AttributeCase {
  readonly script: string
  /** Prints what is to be the same wherever the layer is shown. */
  readonly show: string
  readonly expected: string
  readonly entries: readonly Partial<ListedEntry>[]
}

/** What a layer must keep of an entry: made, packed, unpacked, and looked at everywhere. */
const cases: Record<string, AttributeCase> = {
  'setuid, setgid and sticky bits': {
    script: 'for m in 4755 2755 1777 7000; do touch f$m; chown 7:8 f$m; chmod $m f$m; done; mkdir d; chmod 3777 d',
    show: 'stat -c "%n %a %u %g" *',
    expected: 'd 3777 0 0\nf1777 1777 7 8\nf2755 2755 7 8\nf4755 4755 7 8\nf7000 7000 7 8',
    entries: [{ mode: 0o3777 }, { mode: 0o1777 }, { mode: 0o2755 }, { mode: 0o4755 }, { mode: 0o7000 }],
  },
  'owners up to 2^32-2': {
    script:
      'touch a b c; chown 262144:2097151 a; chown 2097152:300000 b; chown 4294967294:4294967294 c; ln -s a l; chown -h 4294967294:9 l',
    show: 'stat -c "%n %u %g" *',
    expected: 'a 262144 2097151\nb 2097152 300000\nc 4294967294 4294967294\nl 4294967294 9',
    entries: [
      { uid: 262144, gid: 2097151, pax: {} },
      { uid: 2097152, gid: 300000, pax: { uid: '2097152' } },
      { uid: 4294967294, gid: 4294967294 },
      { uid: 4294967294, gid: 9, link: 'a' },
    ],
  },
  'times before 1970, and after 2106': {
    script:
      'touch -d @-1 a; touch -d @-86400.5 b; touch -d @4294967297 c; ln -s x l; touch -hd @-5 l; mkdir d; touch -d @0 d',
    show: 'stat -c "%n %Y" *',
    expected: 'a -1\nb -86401\nc 4294967297\nd 0\nl -5',
    entries: [
      { mtime: -1, pax: { mtime: '-1' } },
      { mtime: -86401 },
      { mtime: 4294967297, pax: {} },
      { mtime: 0 },
      { mtime: -5 },
    ],
  },
  'extended attributes, byte for byte': {
    script: `touch cap; setfattr -n security.capability -v 0x${capability} cap; touch user; setfattr -n user.bin -v 0x00ff0a3d80 user
      setfattr -n user.empty user; setfattr -n "user.a=b%" -v x user; mkdir d; setfattr -n trusted.t -v 0xfe d; touch -d @1 *`,
    show: 'getfattr -hd -e hex -m - * | sed "/^$/d"',
    expected: `# file: cap\nsecurity.capability=0x${capability}\n# file: d\ntrusted.t=0xfe\n# file: user\nuser.a\\075b%=0x78\nuser.bin=0x00ff0a3d80\nuser.empty=0x`,
    entries: [
      { pax: { 'SCHILY.xattr.security.capability': Buffer.from(capability, 'hex').toString('latin1') } },
      { name: 'd/', pax: { 'SCHILY.xattr.trusted.t': '\xfe' } },
      {
        pax: {
          'SCHILY.xattr.user.a%3Db%25': 'x',
          'SCHILY.xattr.user.bin': '\0\xff\n=\x80',
          'SCHILY.xattr.user.empty': '',
        },
      },
    ],
  },
  'devices and fifos': {
    script: 'mknod -m 640 blk b 259 1048575; mknod -m 666 chr c 4095 3; mkfifo -m 600 fifo',
    show: 'stat -c "%n %F %a %t:%T" *',
    expected: 'blk block special file 640 103:fffff\nchr character special file 666 fff:3\nfifo fifo 600 0:0',
    entries: [{ type: '4', major: 259, minor: 1048575 }, { type: '3', major: 4095, minor: 3 }, { type: '6' }],
  },
  'hard links': {
    script: 'echo x > b; ln b a; mkdir d; ln b d/c; ln -s t s; ln s s2; mkfifo f; ln f f2',
    show: 'stat -c "%h" a s f; test a -ef d/c && test a -ef b && echo same; cat d/c',
    expected: '3\n2\n2\nsame\nx',
    entries: [
      { name: 'a', type: '0', size: 2 },
      { name: 'b', type: '1', link: 'a', size: 0 },
      { name: 'd/' },
      { name: 'd/c', type: '1', link: 'a' },
      { name: 'f', type: '6' },
      { name: 'f2', type: '1', link: 'f' },
      { name: 's', type: '2', link: 't' },
      { name: 's2', type: '1', link: 's' },
    ],
  },
  'names that are not UTF-8, and odd ones': {
    script: `printf x > "$(printf 'a\\377b')"; printf y > "$(printf 'l\\nf')"; mkdir "$(printf '\\303\\251')"; ln -s "$(printf '\\200')" l; touch -- '-n' ' ' '\\'`,
    show: 'find . -printf "%P %l|" | od -An -tx1 -v | tr -d " \\n" | wc -c; find . ! -name zz | wc -l; cat "$(printf "a\\377b")"; readlink l | od -An -tx1',
    expected: '60\n9\nx 80 0a',
    entries: [
      { name: ' ' },
      { name: '-n' },
      { name: '\\' },
      { name: 'a\xffb' },
      { name: 'l', link: '\x80' },
      { name: 'l\nf' },
      { name: '\xc3\xa9/' },
    ],
  },
  'long names and long links': {
    script: `mkdir -p ${longPath}; echo deep > ${longPath}/f; echo n > ${longName}; ln ${longPath}/f hard; ln -s ${longPath}/f soft; mkdir p; echo 1 > p/${'q'.repeat(99)}`,
    show: `cat ${longPath}/f ${longName} hard soft; ls p`,
    expected: `deep\nn\ndeep\ndeep\n${'q'.repeat(99)}`,
    entries: [
      ...longPath.split('/').map((_, i, all) => ({ name: `${all.slice(0, i + 1).join('/')}/` })),
      { name: `${longPath}/f`, pax: { path: `${longPath}/f` } },
      { name: 'hard', type: '1', link: `${longPath}/f` },
      { name: longName },
      { name: 'p/' },
      { name: `p/${'q'.repeat(99)}`, pax: {} },
      { name: 'soft', link: `${longPath}/f` },
    ],
  },
  'a large sparse file, in order': {
    script: 'truncate -s 5000000 big; printf end | dd of=big bs=1 seek=4999997 conv=notrunc 2>/dev/null',
    show: 'stat -c %s big; tail -c 3 big; md5sum < big',
    expected: '5000000\nendab0a5fe6aa42f7fb39e3c7ce6da4ea8c  -',
    entries: [{ size: 5000000 }],
  },
}

export function attributesConformance(test: RegisterTest, create: CreateSnapshotter): void {
  for (const [title, { script, show, expected, entries }] of Object.entries(cases)) {
    test(`a layer keeps ${title}`, async () => {
      await using fixture = await openFixture(create)
      await fixture.change('made', [], script)
      const shown = await fixture.look(['made'], show)
      if (!title.includes('sparse')) assert.is(plain(shown), plain(expected))
      const listed = await fixture.entries('made')
      assert.is(listed.length, entries.length, listed.map((entry) => entry.name).join(' '))
      for (const [index, entry] of entries.entries()) matches(listed[index]!, entry)
      await roundTrip(fixture)
      assert.is(await fixture.look(['again'], show), shown, 'unpacked')
      await fixture.change('above', ['made'], 'echo x > zz; touch -d @1 zz')
      assert.equal(await fixture.names('above'), ['zz'], 'nothing else changed by preparing a snapshot')
      assert.is(
        await fixture.look(['made', 'above'], show.replaceAll('*', '[!z]*').replace('find .', 'find . ! -name zz')),
        shown,
        'below another layer',
      )
    })
  }

  test('sub-second times survive snapshots; layers have whole seconds', async () => {
    await using fixture = await openFixture(create)
    await fixture.change('l1', [], 'touch -d @1.123456789 a; touch -d @-2.000000001 b')
    assert.is(await fixture.look(['l1'], 'stat -c "%.9Y" a b'), '1.123456789\n-2.000000001')
    assert.equal(
      (await fixture.entries('l1')).map((entry) => [entry.mtime, 'mtime' in entry.pax]),
      [
        [1, false],
        [-3, true],
      ],
    )
  })

  test('pack() and derive() limit times to maxMtime', async () => {
    await using fixture = await openFixture(create)
    await fixture.change('l1', [], 'touch -d @100 a; touch -d @300 b; mkdir c; touch -d @200.5 c')
    const { snapshotter } = fixture
    const tar = await collect(snapshotter.pack(layer('l1'), { maxMtime: 200 }))
    const fresh = await openFixture(create)
    await using _ = fresh
    const { diffId } = await fresh.snapshotter.apply(layer('l1'), inPieces(tar))
    assert.is((await snapshotter.derive(layer('l1'), { maxMtime: 200 })).diffId, diffId)
    assert.equal(
      (await fresh.entries('l1')).map((entry) => entry.mtime),
      [100, 200, 200],
    )
  })
}

async function roundTrip({ snapshotter }: SnapshotterFixture): Promise<void> {
  const tar = await collect(snapshotter.pack(layer('made')))
  const info = await snapshotter.derive(layer('made'))
  assert.is(info.size, tar.length)
  const { bytes, entries, ...applied } = await snapshotter.apply(layer('again'), inPieces(tar))
  assert.equal(applied, info)
  assert.equal({ bytes, entries }, await snapshotter.usage(layer('made')))
  assert.equal(await snapshotter.derive(layer('again')), info, 'unpacked and packed again')
}

function matches(entry: ListedEntry, wanted: Partial<ListedEntry>): void {
  for (const [field, value] of Object.entries(wanted)) {
    assert.equal(entry[field as keyof ListedEntry], value, `${field} of ${entry.name}`)
  }
}

const plain = (text: string) => text.replace(/\s+/g, ' ')
