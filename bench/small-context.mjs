import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A small program with its data: 300 files, 6 MB, steps that run on the target. */
export async function makeSmallContext(context) {
  await mkdir(join(context, 'data'), { recursive: true });
  for (let index = 0; index < 300; index++) {
    await writeFile(join(context, 'data', `${index}.bin`), randomBytes(20_000));
  }
  const dockerfile = [
    'FROM busybox AS build',
    'WORKDIR /src',
    'COPY . .',
    'RUN find data -type f | sort | xargs md5sum > sums && uname -m > machine',
    'FROM busybox',
    'COPY --from=build /src/sums /src/machine /app/',
    'COPY data /app/data',
    'RUN wc -l < /app/sums > /app/count',
    'CMD ["cat", "/app/machine", "/app/count"]',
    '',
  ];
  await writeFile(join(context, 'Dockerfile'), dockerfile.join('\n'));
  return context;
}
