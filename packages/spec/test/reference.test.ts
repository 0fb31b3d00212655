import { familiarReference, formatReference, hasCode, parseReference } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import fc from 'fast-check'
import * as assert from 'uvu/assert'

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`

const valid: Record<string, readonly [full: string, familiar: string]> = {
  debian: ['docker.io/library/debian:latest', 'debian:latest'],
  'debian:12': ['docker.io/library/debian:12', 'debian:12'],
  'team/app': ['docker.io/team/app:latest', 'team/app:latest'],
  'docker.io/debian': ['docker.io/library/debian:latest', 'debian:latest'],
  'index.docker.io/library/debian': ['docker.io/library/debian:latest', 'debian:latest'],
  'docker.io/a/b/c:x': ['docker.io/a/b/c:x', 'a/b/c:x'],
  'library/a/b': ['docker.io/library/a/b:latest', 'library/a/b:latest'],
  localhost: ['docker.io/library/localhost:latest', 'localhost:latest'],
  'localhost/app': ['localhost/app:latest', 'localhost/app:latest'],
  'localhost:5000/app': ['localhost:5000/app:latest', 'localhost:5000/app:latest'],
  'localhost:5000/app:1': ['localhost:5000/app:1', 'localhost:5000/app:1'],
  '[::1]:5000/app:1': ['[::1]:5000/app:1', '[::1]:5000/app:1'],
  '[2001:db8::1]/app': ['[2001:db8::1]/app:latest', '[2001:db8::1]/app:latest'],
  '[::1]/a/b': ['[::1]/a/b:latest', '[::1]/a/b:latest'],
  [`[::1]:5000/app@${digest}`]: [`[::1]:5000/app@${digest}`, `[::1]:5000/app@${digest}`],
  '[::ffff:127.0.0.1]:5000/app': ['[::ffff:127.0.0.1]:5000/app:latest', '[::ffff:127.0.0.1]:5000/app:latest'],
  // A name without a slash is never a registry.
  'localhost:5000': ['docker.io/library/localhost:5000', 'localhost:5000'],
  'ghcr.io/a/b.c_d__e---f': ['ghcr.io/a/b.c_d__e---f:latest', 'ghcr.io/a/b.c_d__e---f:latest'],
  [`debian@${digest}`]: [`docker.io/library/debian@${digest}`, `debian@${digest}`],
  [`debian:12@${digest}`]: [`docker.io/library/debian:12@${digest}`, `debian:12@${digest}`],
  'docker.io/0.0/a': ['docker.io/0.0/a:latest', 'docker.io/0.0/a:latest'],
  'docker.io/localhost/a': ['docker.io/localhost/a:latest', 'docker.io/localhost/a:latest'],
  'HOST/app': ['HOST/app:latest', 'HOST/app:latest'],
  'a:V1.0_x-y': ['docker.io/library/a:V1.0_x-y', 'a:V1.0_x-y'],
}

const invalid: Record<string, RegExp> = {
  '': /it is empty$/,
  ' debian': /may have lower-case/,
  'acme/App': /must be lowercase/,
  'https://host/app': /URL scheme/,
  [digest.slice(7)]: /an id, not a name/,
  'a:': /the tag is empty/,
  'a:.x': /the tag may have/,
  [`a:${'x'.repeat(129)}`]: /the tag may have/,
  'a@sha256:12': /the part behind @/,
  'a@md5:d41d8cd98f00b204e9800998ecf8427e': /the part behind @/,
  'host:5000/': /the repository is empty/,
  'a//b': /an empty part/,
  'a/b/': /an empty part/,
  '-a': /may have lower-case/,
  'a..b': /may have lower-case/,
  a___b: /may have lower-case/,
  'host:99999/app': /above 65535/,
  '::1/app': /"::1" is not a registry host/,
  '[]:5000/app': /"\[\]:5000" is not a registry host/,
  '[1:2:3]:5000/app': /"1:2:3" is not an IPv6 address/,
  '[::1]:99999/app': /above 65535/,
  '[::1%eth0]/app': /not a registry host/,
  'host:1:2/app': /not a registry host/,
  'host.:5000/app': /not a registry host/,
  'a:b:c': /may have lower-case/,
  '/app': /an empty part/,
  '../etc/passwd': /not a registry host/,
  [`a/${'b'.repeat(300)}`]: /longer than 255/,
}

tests('reference', (test) => {
  for (const [name, [full, familiar]] of Object.entries(valid)) {
    test(`parseReference() completes "${name.slice(0, 40)}"`, () => {
      const reference = parseReference(name)
      assert.is(formatReference(reference), full)
      assert.is(familiarReference(reference), familiar)
    })
  }

  for (const [name, why] of Object.entries(invalid)) {
    test(`parseReference() rejects "${name.slice(0, 40)}"`, () => {
      assert.throws(
        () => parseReference(name),
        (error: unknown) => hasCode(error, 'REFERENCE_INVALID') && why.test(error.message),
      )
    })
  }

  test('parseReference() hints at what would be right', () => {
    try {
      parseReference('host.example/Team/app:V1')
      assert.unreachable()
    } catch (error) {
      assert.is(hasCode(error, 'REFERENCE_INVALID') && error.hint, 'Try "host.example/team/app:V1"')
    }
  })

  test('parseReference() takes back what formatReference() and familiarReference() give, and throws its own error otherwise', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,5}([._-][a-z0-9]{1,5})?$/)
    const name = fc
      .tuple(
        fc.constantFrom('', 'localhost:5000/', 'ghcr.io/', 'docker.io/'),
        fc.array(part, { minLength: 1, maxLength: 4 }),
        fc.option(fc.stringMatching(/^\w[\w.-]{0,9}$/)),
      )
      .map(([host, parts, tag]) => `${host}${parts.join('/')}${tag === null ? '' : `:${tag}`}`)
    fc.assert(
      fc.property(name, (text) => {
        const reference = parseReference(text)
        assert.equal(parseReference(formatReference(reference)), reference)
        assert.equal(parseReference(familiarReference(reference)), reference)
      }),
    )
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z:@/.[\]-]{0,20}$/)), (text) => {
        try {
          parseReference(text)
        } catch (error) {
          if (!hasCode(error, 'REFERENCE_INVALID')) throw error
        }
      }),
    )
  })
})
