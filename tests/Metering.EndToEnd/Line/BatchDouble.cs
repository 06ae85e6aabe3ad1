using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Metering.Messages;

namespace Metering.EndToEnd.Line;

/// <summary>A batch that a test sends by hand.</summary>
internal sealed record BatchDouble(UsageBatch Batch)
{
    private static readonly Uri Route = new("v1/usage-batches", UriKind.Relative);

    public async Task<(HttpStatusCode Status, JsonElement Answer)> PostAsync(HttpClient client, CancellationToken cancel, bool json = false, string? key = null)
    {
        using HttpContent content = json ? new StringContent(JsonFormatter.Default.Format(Batch), Encoding.UTF8) : new ByteArrayContent(Batch.ToByteArray());
        content.Headers.ContentType = new MediaTypeHeaderValue(json ? "application/json" : "application/x-protobuf");
        using var request = new HttpRequestMessage(HttpMethod.Post, Route) { Content = content };
        if (key is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        using var response = await client.SendAsync(request, cancel);
        var text = await response.Content.ReadAsStringAsync(cancel);
        return (response.StatusCode, text.Length > 0 ? JsonSerializer.Deserialize<JsonElement>(text) : default);
    }
}
