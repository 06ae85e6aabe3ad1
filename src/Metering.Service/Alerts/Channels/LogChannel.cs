using System.Text.Encodings.Web;
using System.Text.Json;

namespace Metering.Service.Alerts.Channels;

/// <summary>Appends each CloudEvent as a line of JSON to a file in the directory of alert logs. The file is opened for each line, so it can be rotated at any time.</summary>
internal sealed class LogChannel(AlertsOptions options, TimeProvider clock) : IChannel
{
    private static readonly JsonSerializerOptions OneLine = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly SemaphoreSlim _turn = new(1, 1);

    public string Name => "log";

    public IReadOnlyList<string> Fields { get; } = ["file"];

    public void Check(EndpointSettings settings, ICollection<Fault> faults)
    {
        if (settings.File is not { Length: > 0 and <= 100 } file || file.StartsWith('.') || !file.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
            faults.Add(new Fault("file", "is a name of 1 to 100 letters, digits, '-', '_' or '.', such as alerts.jsonl; it stands in Alerts:LogDirectory."));
    }

    public async Task<WebhookResult> SendAsync(ChannelTarget target, AlertMessage message, CancellationToken cancel)
    {
        var (now, started) = (clock.GetUtcNow(), clock.GetTimestamp());
        var path = Path.Combine(options.LogDirectory, target.Settings.File!);
        await _turn.WaitAsync(cancel);
        try
        {
            Directory.CreateDirectory(options.LogDirectory);
            var line = JsonSerializer.SerializeToUtf8Bytes(JsonSerializer.Deserialize<JsonElement>(message.Body.Span), OneLine);
            await using var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, Share = FileShare.ReadWrite | FileShare.Delete, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead });
            await file.WriteAsync((byte[])[.. line, (byte)'\n'], cancel);
            file.Flush(flushToDisk: true);
            return WebhookResult.Without(WebhookOutcome.Delivered, "Written.", now) with { Duration = clock.GetElapsedTime(started) };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return WebhookResult.Without(WebhookOutcome.Failed, $"'{path}' can not be written: {e.Message}", now) with { Duration = clock.GetElapsedTime(started) };
        }
        finally
        {
            _turn.Release();
        }
    }
}
