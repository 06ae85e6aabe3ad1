using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Metering.Messages;

namespace Metering.Agent.Shipping;

/// <summary>Ships by <c>POST /v1/usage-batches</c>; the answer comes after the ledger's commit, so a success is a commit.</summary>
internal sealed class HttpTransport : IUsageTransport
{
    private const string Protobuf = "application/x-protobuf";
    private readonly HttpClient _client;
    private readonly TimeSpan _timeout;

    public HttpTransport(Uri service, string? key, TimeSpan? timeout = null, HttpMessageHandler? handler = null)
    {
        _timeout = timeout ?? TimeSpan.FromSeconds(60);
        _client = new HttpClient(handler ?? new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(5), AllowAutoRedirect = false })
        {
            BaseAddress = service,
            Timeout = _timeout,
        };
        if (key is not null) _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        _client.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue(Protobuf));
    }

    public string Name => "http";

    public int Window => 8;

    public Action<Downlink>? Answers { get; set; }

    public Task ConnectAsync(CancellationToken cancel) => Task.CompletedTask;

    public async Task<ShipOutcome> PublishAsync(OutgoingBatch batch)
    {
        try
        {
            using var content = new ReadOnlyMemoryContent(batch.Bytes);
            content.Headers.ContentType = new MediaTypeHeaderValue(Protobuf);
            using var response = await _client.PostAsync(new Uri("v1/usage-batches", UriKind.Relative), content);
            var bytes = await response.Content.ReadAsByteArrayAsync();
            var answer = response.Content.Headers.ContentType?.MediaType == Protobuf ? Downlink.Parser.ParseFrom(bytes) : null;
            return response.StatusCode switch
            {
                HttpStatusCode.OK when answer is not null => ShipOutcome.Committed(answer),
                HttpStatusCode.Conflict or HttpStatusCode.UnprocessableEntity when answer is not null => new ShipOutcome(ShipResult.Committed, answer),
                HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => ShipOutcome.Rejected(
                    $"The service at {_client.BaseAddress} refuses the agent's key ({(int)response.StatusCode}); set Agent:Key to a key of role agent for this host."),
                _ => ShipOutcome.Unknown($"The service at {_client.BaseAddress} answered {(int)response.StatusCode}."),
            };
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException or InvalidProtocolBufferException or IOException)
        {
            return ShipOutcome.Unknown(Explain(e));
        }
    }

    public async Task<Downlink?> QueryAsync(string host, string epoch, CancellationToken cancel)
    {
        try
        {
            using var response = await _client.GetAsync(new Uri($"v1/agents/{host}/downlink?epoch={epoch}", UriKind.Relative), cancel);
            if (!response.IsSuccessStatusCode) return null;
            return Downlink.Parser.ParseFrom(await response.Content.ReadAsByteArrayAsync(cancel));
        }
        catch (Exception e) when (e is HttpRequestException or InvalidProtocolBufferException or IOException || (e is TaskCanceledException && !cancel.IsCancellationRequested))
        {
            throw new TransportException(Explain(e), e);
        }
    }

    public ValueTask ResetAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return ValueTask.CompletedTask;
    }

    private string Explain(Exception e) => e is TaskCanceledException
        ? $"The service at {_client.BaseAddress} did not answer within {_timeout.TotalSeconds:0} s."
        : $"The service at {_client.BaseAddress} can not be reached ({e.Message}); check Agent:ServiceUrl and that it runs.";
}
