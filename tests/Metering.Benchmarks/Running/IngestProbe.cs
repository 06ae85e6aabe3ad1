using System.Diagnostics;
using System.Net.Http.Headers;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Metering.Messages;

namespace Metering.Benchmarks.Running;

/// <summary>Ships small batches of a host of its own, one after the other, and remembers how long each took to be committed. Until it is disposed.</summary>
internal sealed class IngestProbe : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private readonly CancellationTokenSource _stop = new();
    private readonly string _host;
    private readonly HttpClient _client;
    private readonly Task _loop;
    private ulong _sequence;

    private IngestProbe(string host, HttpClient client)
    {
        (_host, _client) = (host, client);
        _loop = LoopAsync();
    }

    /// <summary>Milliseconds, in the order in which they were sent.</summary>
    public List<double> Commits { get; } = [];

    /// <param name="host">One that nobody has been yet.</param>
    public static async Task<IngestProbe> StartAsync(Product product, string host, CancellationToken cancel)
    {
        var client = new HttpClient { BaseAddress = new Uri(product.Url), Timeout = TimeSpan.FromMinutes(5) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", await product.AgentKeyAsync(host, cancel));
        return new IngestProbe(host, client);
    }

    /// <summary>Ends it; throws what a batch failed with.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _loop;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAny(_loop);
        _client.Dispose();
        _stop.Dispose();
    }

    private async Task LoopAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            using var content = new ByteArrayContent(Batch(++_sequence)) { Headers = { ContentType = new MediaTypeHeaderValue("application/x-protobuf") } };
            var began = Stopwatch.GetTimestamp();
            using var response = await _client.PostAsync(new Uri("v1/usage-batches", UriKind.Relative), content);
            if (!response.IsSuccessStatusCode) throw new InvalidOperationException($"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
            Commits.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            await Task.Delay(Pause, TimeProvider.System, CancellationToken.None);
        }
    }

    // Windows of ten seconds in the last hours: nothing of them is late.
    private byte[] Batch(ulong sequence)
    {
        var at = DateTimeOffset.FromUnixTimeSeconds((TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() / 86_400 - 1) * 86_400 + 10 * ((long)sequence % 8_000));
        return new UsageBatch
        {
            Host = _host, AgentEpoch = _host, BootId = "boot", FirstSequence = sequence, Sequence = sequence, Schema = 1,
            WindowStart = Timestamp.FromDateTimeOffset(at), WindowEnd = Timestamp.FromDateTimeOffset(at.AddSeconds(10)), CoveredMicroseconds = 10_000_000, ExpectedMicroseconds = 10_000_000,
            Workloads =
            {
                new WorkloadUsage
                {
                    Kind = "raw", Id = "/probe", Name = "/probe", Path = "/probe", Inode = 7, Origin = Origin.Measured,
                    Meters = { new MeterReading { Meter = "cpuMicroseconds", Start = sequence - 1, End = sequence, Quantity = 1, Availability = Availability.Exact } },
                },
            },
        }.ToByteArray();
    }
}
