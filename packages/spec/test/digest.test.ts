import {
  asDiffID,
  chainID,
  chainIDs,
  digestFromHex,
  digestHex,
  digestOf,
  hasCode,
  isDigest,
  parseDigest,
} from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

const empty = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

tests('digest', (test) => {
  test('digestOf() is SHA-256', () => {
    assert.is(digestOf(''), empty)
    assert.is(digestOf('abc'), 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    assert.is(digestOf('ü'), digestOf(Buffer.from([0xc3, 0xbc])))
  })

  test('parseDigest(), digestFromHex() and digestHex() fit together', () => {
    assert.is(parseDigest(empty), empty)
    assert.is(digestFromHex(digestHex(parseDigest(empty))), empty)
    const invalid = [
      '',
      'sha256:',
      empty.toUpperCase(),
      `${empty}0`,
      empty.slice(0, -1),
      ` ${empty}`,
      `${empty}\n`,
      empty.replace('256', '512'),
      empty.slice(7),
    ]
    for (const text of invalid) {
      assert.is(isDigest(text), false, text)
      assert.throws(
        () => parseDigest(text),
        (error: unknown) => hasCode(error, 'DIGEST_INVALID'),
      )
    }
    for (const value of [undefined, null, 3, [empty]]) assert.is(isDigest(value), false)
  })

  test('chainIDs() follows the image spec', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => asDiffID(digestOf(name)))
    const ab = digestOf(`${a} ${b}`)
    assert.equal(chainIDs([a!, b!, c!]), [a, ab, digestOf(`${ab} ${c}`)])
    assert.is(chainID([a!]), a)
    assert.is(chainID([]), undefined)
    assert.not.equal(chainID([a!, b!]), chainID([b!, a!]))
  })

  test('chainID() gives what the programs of an OCI image agree on', () => {
    // `printf '%s %s' sha256:<64 ones> sha256:<64 twos> | sha256sum`
    const of = (digit: string) => asDiffID(parseDigest(`sha256:${digit.repeat(64)}`))
    assert.is(chainID([of('1'), of('2')]), 'sha256:9932074217c35353d2e03a3f5a86549f7c67bfeb0ba53e23d69f4d4c8f7958f5')
  })
})
