using System.Net.Http.Headers;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Metering.Benchmarks.Running;
using Metering.Messages;

namespace Metering.Benchmarks.Month;

/// <summary>The hosts of a <see cref="MonthLedger"/> as they go on: each ships a batch of all its workloads every ten seconds, one host after the other. Until it is disposed.</summary>
internal sealed class LiveFleet : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private static readonly string[] Wires = ["cpuMicroseconds", "memoryByteSeconds", "ioReadBytes", "ioWriteBytes"];
    private readonly CancellationTokenSource _stop = new();
    private readonly HttpClient _client;
    private readonly int _workloads;
    private readonly string _epoch;
    private Task _loop = Task.CompletedTask;
    private ulong _pass;

    private LiveFleet(Product product, int workloads)
    {
        _client = new HttpClient { BaseAddress = new Uri(product.Url), Timeout = TimeSpan.FromMinutes(5) };
        _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Product.AdminKey);
        _workloads = workloads;

        // Another one for each run: a ledger that is kept has seen the numbers of the one before.
        _epoch = "live-" + Guid.CreateVersion7().ToString("N");
    }

    private int Hosts => (_workloads + MonthLedger.PerHost - 1) / MonthLedger.PerHost;

    /// <summary>Ships the last minute at once and goes on from there.</summary>
    public static async Task<LiveFleet> StartAsync(Product product, int workloads, CancellationToken cancel)
    {
        var fleet = new LiveFleet(product, workloads);
        var now = TimeProvider.System.GetUtcNow();
        for (var pass = 6; pass > 0; pass--)
        {
            fleet._pass++;
            for (var host = 0; host < fleet.Hosts; host++) await fleet.ShipAsync(host, now - pass * Interval, cancel);
        }

        fleet._loop = fleet.LoopAsync(now);
        return fleet;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAny(_loop);
        _client.Dispose();
        _stop.Dispose();
    }

    private async Task LoopAsync(DateTimeOffset at)
    {
        using var timer = new PeriodicTimer(Interval / Hosts, TimeProvider.System);
        for (; ; at += Interval)
        {
            _pass++;
            for (var host = 0; host < Hosts; host++)
            {
                await timer.WaitForNextTickAsync(_stop.Token);
                await ShipAsync(host, at, _stop.Token);
            }
        }
    }

    private async Task ShipAsync(int host, DateTimeOffset at, CancellationToken cancel)
    {
        using var content = new ByteArrayContent(Batch(host, at)) { Headers = { ContentType = new MediaTypeHeaderValue("application/x-protobuf") } };
        using var response = await _client.PostAsync(new Uri("v1/usage-batches", UriKind.Relative), content, cancel);
        if (!response.IsSuccessStatusCode) throw new InvalidOperationException($"A batch was refused: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync(cancel)}");
    }

    private byte[] Batch(int host, DateTimeOffset at)
    {
        var batch = new UsageBatch
        {
            Host = MonthLedger.Host(host), AgentEpoch = _epoch + host, BootId = "boot", FirstSequence = _pass, Sequence = _pass, Schema = 1, Capacity = new Capacity { Cpus = 64, MemoryBytes = 256UL << 30 },
            WindowStart = Timestamp.FromDateTimeOffset(at), WindowEnd = Timestamp.FromDateTimeOffset(at + Interval), CoveredMicroseconds = 10_000_000, ExpectedMicroseconds = 10_000_000,
        };
        for (var w = host * MonthLedger.PerHost; w < Math.Min((host + 1) * MonthLedger.PerHost, _workloads); w++)
        {
            var usage = new WorkloadUsage { Kind = "docker", Id = "w" + w, Name = "w" + w, Path = MonthLedger.PathOf(w), Inode = (ulong)(1000 + w), Origin = Origin.Measured };
            for (var m = 0; m < Wires.Length; m++)
            {
                // As much in each pass, so that a reading is the pass's number times that.
                var quantity = (ulong)(w * 7919 % 9_000_000 + 1) * (m == 1 ? 4096UL : 1);
                usage.Meters.Add(new MeterReading { Meter = Wires[m], Start = (_pass - 1) * quantity, End = _pass * quantity, Quantity = quantity, Availability = Availability.Exact });
            }

            batch.Workloads.Add(usage);
        }

        return batch.ToByteArray();
    }
}
