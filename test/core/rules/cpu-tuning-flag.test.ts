import { cpuTuningFlag } from '../../../packages/core/src/rules/cpu-tuning-flag.ts';
import { migratesOnce } from '../../support/migrates-once.ts';
import { ruleTable } from '../../support/rule-table.ts';

ruleTable(cpuTuningFlag, [
  {
    text: 'ENV CFLAGS="-O2 -march=haswell -mavx2"',
    all: 'error auto:  -march=haswell → ; error auto:  -mavx2 → ',
  },
  { text: 'ENV CFLAGS -march=core2', all: 'error auto: -march=core2 → ' },
  { text: 'RUN gcc -O2 -march=x86-64-v3 a.c', all: 'error auto: -march=x86-64-v3 → ' },
  { text: 'RUN gcc -m64 a.c', all: 'error auto: -m64 → ' },
  { text: 'RUN gcc -m32 a.c', all: 'error none: -m32' },
  { text: 'RUN make CFLAGS="-m64 -O2"', all: 'error auto: -m64 → ' },
  { text: 'RUN CXXFLAGS="-msse4.2" ./configure', all: 'error auto: -msse4.2 → ' },
  { text: 'ENV RUSTFLAGS="-C target-cpu=skylake"', all: 'error auto: -C target-cpu=skylake → ' },
  { text: 'RUN rustc -C target-cpu=skylake a.rs', all: 'error auto: skylake → generic' },
  { text: 'RUN cmake -DENABLE_AVX2=ON ..', all: 'error auto: ON → OFF' },
  { text: 'ARG FLAGS=-mavx2\nRUN gcc $FLAGS a.c', all: 'error auto: -mavx2 → ' },
  { text: 'RUN gcc -march=native a.c', all: 'warning none: -march=native' },
  { text: 'ENV CFLAGS="-O2"' },
  { text: 'ENV CFLAGS="-O2 -march=armv8-a -mtune=generic"' },
  { text: 'RUN cmake -DLLVM_ENABLE_ASSERTIONS=ON -DWITH_AVX2=OFF ..' },
  { text: 'RUN free -m64 && head -m32' },
  { text: 'RUN java -Xmx64m && tool -m64' },
  { text: "RUN sed -i 's/-march=native//; s/-msse2//' Makefile" },
  { text: 'RUN grep -mavx2 x' },
  { text: 'RUN if [ "$(uname -m)" = x86_64 ]; then CFLAGS=-mavx2 make; fi' },
  { text: 'FROM x AS linux-amd64\nRUN gcc -m64 a.c' },
  { text: 'RUN pip install foo-march-mavx' },
]);

migratesOnce(cpuTuningFlag, [
  ['FROM debian:13\nRUN gcc -O2 -march=x86-64-v3 a.c\n'],
  ['FROM debian:13\nENV CFLAGS="-O2 -march=haswell -mavx2"\n'],
  ['FROM debian:13\nRUN cmake -DENABLE_AVX2=ON ..\n'],
]);
