using System.Globalization;
using Metering.Agent.Accounting;
using Metering.Messages;
using Metering.Meters;

namespace Metering.Benchmarks.Ingest;

/// <summary>
/// Batches of a fleet: hosts × workloads, each record with 7 meters, as an agent encodes them. Host i is one epoch; batch n of a host covers the n-th 10 s of one hour,
/// so that all of a workload's usage belongs to one row. Values are pseudo-random and differ from pass to pass.
/// </summary>
internal sealed class Fleet
{
    public const int Variants = 10;
    public static readonly Meter[] Meters =
    [
        MeterCatalogue.Cpu, MeterCatalogue.Memory, MeterCatalogue.MemoryPeak, MeterCatalogue.IoReadBytes, MeterCatalogue.IoWriteBytes, MeterCatalogue.IoReadOperations, MeterCatalogue.IoWriteOperations,
    ];

    private const long Interval = 10_000_000;
    private readonly long _start;
    private readonly byte[][][] _records;
    private readonly long[][] _sums;
    private readonly ProtoBuffer _buffer = new(64 * 1024);

    public Fleet(int hosts, int workloads, DateTimeOffset now)
    {
        (Hosts, Workloads) = (hosts, workloads);
        _start = (now.ToUnixTimeSeconds() / 3600 - 2) * 3600 * 1_000_000;
        _records = new byte[Variants][][];
        _sums = new long[Variants][];
        var random = new Random(20261122);
        var prefixes = new byte[hosts][][];
        for (var host = 0; host < hosts; host++)
        {
            prefixes[host] = new byte[workloads][];
            for (var workload = 0; workload < workloads; workload++) prefixes[host][workload] = Prefix(host, workload, random);
        }

        for (var variant = 0; variant < Variants; variant++)
        {
            _records[variant] = new byte[hosts][];
            _sums[variant] = new long[Meters.Length];
            for (var host = 0; host < hosts; host++) _records[variant][host] = Records(prefixes[host], random, _sums[variant]);
        }
    }

    public int Hosts { get; }

    public int Workloads { get; }

    public int RecordsPerPass => Hosts * Workloads;

    public static string HostName(int host) => "host-" + host.ToString("0000", CultureInfo.InvariantCulture);

    /// <summary>Bytes of one record, on average.</summary>
    public double RecordBytes => _records[0].Average(bytes => (double)bytes.Length) / Workloads;

    /// <summary>What the passes 1..<paramref name="passes"/> add up to, per meter of <see cref="Meters"/>; a peak counts once per workload.</summary>
    public Int128[] Totals(int passes)
    {
        var totals = new Int128[Meters.Length];
        for (var pass = 1; pass <= passes; pass++)
        {
            for (var m = 0; m < totals.Length; m++)
            {
                if (Meters[m].Kind == MeterKind.Sum) totals[m] += _sums[pass % Variants][m];
                else totals[m] = _sums[pass % Variants][m];
            }
        }

        return totals;
    }

    /// <summary>Batch number <paramref name="pass"/> (from 1) of a host.</summary>
    public byte[] Batch(int host, int pass)
    {
        var end = _start + pass * Interval;
        _buffer.Clear();
        _buffer.Text(1, HostName(host));
        _buffer.Text(3, "8a1f0c52-0000-4000-8000-000000000000");
        _buffer.Text(4, "epoch-of-" + HostName(host));
        _buffer.Varint(5, (ulong)pass);
        _buffer.Varint(6, (ulong)pass);
        _buffer.Timestamp(7, end - Interval);
        _buffer.Timestamp(8, end);
        _buffer.Varint(9, Interval);
        _buffer.Varint(10, Interval);
        _buffer.Append(_records[pass % Variants][host]);
        _buffer.Varint(15, 1);
        return _buffer.ToArray();
    }

    /// <summary>Every host's batch of one pass, in the order of hosts.</summary>
    public byte[][] Pass(int pass)
    {
        var batches = new byte[Hosts][];
        for (var host = 0; host < Hosts; host++) batches[host] = Batch(host, pass);
        return batches;
    }

    private static byte[] Prefix(int host, int workload, Random random)
    {
        var id = Convert.ToHexStringLower(Bytes(random, 32));
        var buffer = new ProtoBuffer(256);
        buffer.Text(1, "docker");
        buffer.Text(2, id);
        buffer.Text(3, id[..12]);
        buffer.Text(5, $"/system.slice/docker-{id}.scope");
        buffer.Varint(6, (ulong)(host * 1000 + workload + 1000));
        return buffer.ToArray();
    }

    private static byte[] Records(byte[][] prefixes, Random random, long[] sums)
    {
        var body = new ProtoBuffer(64 * 1024);
        var record = new ProtoBuffer(1024);
        var reading = new ProtoBuffer(128);
        for (var w = 0; w < prefixes.Length; w++)
        {
            record.Clear();
            record.Append(prefixes[w]);
            record.Varint(7, (ulong)Origin.Measured);
            for (var m = 0; m < Meters.Length; m++)
            {
                // Peaks stand still, so that their sum does not depend on which passes a row has seen.
                var quantity = Meters[m].Kind == MeterKind.Peak ? (w + 1) * 4096L : random.NextInt64(1, 10_000_000);
                var start = random.NextInt64(0, 1L << 40);
                sums[m] += quantity;
                reading.Clear();
                reading.Text(1, Meters[m].Wire);
                reading.Varint(2, (ulong)start);
                reading.Varint(3, (ulong)(start + quantity));
                reading.Varint(4, (ulong)quantity);
                reading.Varint(6, (ulong)Availability.Exact);
                record.Bytes(9, reading.Written);
            }

            body.Bytes(13, record.Written);
        }

        return body.ToArray();
    }

    private static byte[] Bytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
