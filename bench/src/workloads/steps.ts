import type { Workload } from './workload.js'

/** Nothing but the cost of a step. */
export const noopSteps: Workload = {
  name: 'noop-steps',
  about: '20 × RUN true',
  base: 'busybox',
  dockerfile: (base) => `FROM ${base}\n${'RUN true\n'.repeat(20)}`,
}

const branches = [0, 1, 2, 3, 4, 5, 6, 7]

/** Branches that could all run at once. */
export const dag: Workload = {
  name: 'dag',
  about: '8 stages that sleep 1 s, and one that copies from each',
  base: 'busybox',
  dockerfile: (base) =>
    [
      ...branches.flatMap((branch) => [`FROM ${base} AS s${branch}`, `RUN sleep 1 && echo ${branch} > /out${branch}`]),
      `FROM ${base}`,
      ...branches.map((branch) => `COPY --from=s${branch} /out${branch} /out${branch}`),
      '',
    ].join('\n'),
}

/** Heavy writes, and whiteouts. */
export const untar: Workload = {
  name: 'untar',
  about: 'RUN that copies /usr of Debian and deletes a part',
  base: 'debian',
  dockerfile: (base) => `FROM ${base}\nRUN cp -a /usr /usr2 && rm -rf /usr2/share/doc\n`,
}

/** Bound by the network and by dpkg's many syncs. */
export const apt: Workload = {
  name: 'apt',
  about: 'apt-get update and install of ntp',
  base: 'debian',
  dockerfile: (base) => `FROM ${base}\nRUN apt-get update && apt-get install -y --no-install-recommends ntp\n`,
}
