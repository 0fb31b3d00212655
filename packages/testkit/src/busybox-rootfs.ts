import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeBusyboxRootfs } from './base-images/busybox.js'

const accounts = {
  'etc/passwd':
    'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:App:/home/app:/bin/sh\nhomeless:x:1001:1000::\n4242:x:77:78::/home/number:\n',
  'etc/group': 'root:x:0:root\nwheel:x:10:root,app\napp:x:1000:\nextra:x:2000:app,other\n',
}

/** `makeBusyboxRootfs` with users to look up: root (also in wheel 10), app (1000, also in wheel 10 and extra 2000), homeless (1001,
 * group 1000) and one named 4242 (77:78). */
export async function busyboxRootfs(directory: string): Promise<void> {
  await makeBusyboxRootfs(directory)
  for (const [name, content] of Object.entries(accounts)) await writeFile(join(directory, name), content)
  await mkdir(join(directory, 'home/app'), { mode: 0o755 })
  await chmod(join(directory, 'home/app'), 0o777)
}
