import { dotnetRidX64 } from '../../../packages/core/src/rules/dotnet-rid-x64.ts';
import { migratesOnce } from '../../support/migrates-once.ts';
import { ruleTable } from '../../support/rule-table.ts';

function on(text: string, count = 1): { arm64: string; v7: string; v6: string } {
  const row = (to: string): string =>
    `error auto: ${Array.from({ length: count }, () => `${text} → ${text.replace('x64', to)}`).join(', ')}`;
  return { arm64: row('arm64'), v7: row('arm'), v6: `error none: ${text}` };
}

ruleTable(dotnetRidX64, [
  { text: 'RUN dotnet publish -r linux-x64 -o /app', ...on('linux-x64') },
  { text: 'RUN dotnet publish --runtime linux-musl-x64', ...on('linux-musl-x64') },
  { text: 'RUN dotnet publish --runtime=linux-x64', ...on('linux-x64') },
  { text: 'RUN dotnet publish /p:RuntimeIdentifier=linux-x64', ...on('linux-x64') },
  { text: 'RUN dotnet restore -r ubuntu.18.04-x64', ...on('ubuntu.18.04-x64') },
  { text: 'RUN dotnet publish -a x64', ...on('x64') },
  {
    text: 'FROM x AS b\nRUN dotnet publish -r linux-x64\nFROM y\nCOPY --from=b /src/bin/Release/net8.0/linux-x64/publish /app',
    ...on('linux-x64', 2),
    v6: 'error none: linux-x64; error none: linux-x64',
  },
  { text: 'ARG RID=linux-x64\nRUN dotnet publish -r $RID', ...on('linux-x64') },
  { text: 'FROM --platform=$BUILDPLATFORM x\nRUN dotnet publish -r linux-x64', ...on('linux-x64') },
  { text: 'ARG TARGETARCH\nRUN dotnet publish -a $TARGETARCH' },
  { text: 'RUN dotnet publish -r linux-arm64' },
  { text: 'RUN dotnet publish -r win-x64' },
  { text: 'RUN curl -O https://example.org/dotnet-sdk-8.0.100-linux-x64.tar.gz' },
  { text: 'RUN tar xf node-v20-linux-x64.tar.gz && cp out/linux-x64/x /' },
  { text: 'RUN if [ "$(uname -m)" = x86_64 ]; then dotnet publish -r linux-x64; fi' },
]);

migratesOnce(dotnetRidX64, [
  ['FROM mcr.microsoft.com/dotnet/sdk:8.0\nRUN dotnet publish -r linux-x64 -o /app\n'],
]);
