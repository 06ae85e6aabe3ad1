using System.Globalization;
using System.Text.Json;
using Metering.Cli.Client;

namespace Metering.Cli.Running;

/// <summary>What a command used, by the kernel and by the ledger, and what it costs.</summary>
internal sealed record Receipt
{
    public required IReadOnlyList<string> Command { get; init; }

    public required int ExitCode { get; init; }

    public required decimal WallSeconds { get; init; }

    /// <summary>usage_usec of the command's cgroup.</summary>
    public required long KernelMicroseconds { get; init; }

    /// <summary>What the ledger has for it.</summary>
    public required long BilledMicroseconds { get; init; }

    public long DifferenceMicroseconds => KernelMicroseconds - BilledMicroseconds;

    /// <summary>Null when the kernel keeps no peak.</summary>
    public long? PeakMemoryBytes { get; init; }

    public long? IoReadBytes { get; init; }

    public long? IoWriteBytes { get; init; }

    /// <summary>Null: no price holds, which is not the same as free.</summary>
    public decimal? Cost { get; init; }

    public string? Currency { get; init; }

    public required string Tenant { get; init; }

    public required string Workload { get; init; }

    public required string Host { get; init; }

    public string ToJson() => JsonSerializer.Serialize(this, CliJson.Indented);

    public void Write(TextWriter output)
    {
        output.WriteLine();
        Tables.WriteFacts(output,
        [
            ("command", string.Join(' ', Command)),
            ("exit code", ExitCode.ToString(CultureInfo.InvariantCulture)),
            ("wall time", WallSeconds.ToString("0.000", CultureInfo.InvariantCulture) + " s"),
            ("CPU, kernel", Seconds(KernelMicroseconds)),
            ("CPU, billed", Seconds(BilledMicroseconds)),
            ("difference", DifferenceMicroseconds.ToString(CultureInfo.InvariantCulture) + " µs"),
            ("peak memory", PeakMemoryBytes is { } peak ? Tables.Bytes(peak) : "not counted on this host"),
            ("I/O", IoReadBytes is { } read ? $"{Tables.Bytes(read)} read, {Tables.Bytes(IoWriteBytes ?? 0)} written" : "not counted on this host"),
            ("cost", Cost is { } cost ? $"{cost.ToString("0.00########", CultureInfo.InvariantCulture)} {Currency}" : $"no price (tenant {Tenant})"),
            ("tenant", Tenant),
            ("workload", Workload),
        ]);
    }

    private static string Seconds(long microseconds) => (microseconds / 1_000_000m).ToString("0.000000", CultureInfo.InvariantCulture) + " s";
}
