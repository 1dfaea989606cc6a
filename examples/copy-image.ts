import { copyImages, inspectImage } from 'mabuild';

const [source = 'busybox:latest', destination = 'localhost:5000/busybox:latest'] = process.argv.slice(2);
const { images } = await copyImages({ source, destination, referrers: true });
for (const { reference, digest } of images) console.log(`${reference}@${digest}`);

const { report } = await inspectImage(destination);
for (const { platform, digest } of report.images) console.log(platform, digest);
