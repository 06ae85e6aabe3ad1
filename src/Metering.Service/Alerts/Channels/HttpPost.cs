using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Metering.Service.Alerts.Channels;

/// <summary>What HTTP channels have in common: a checked URL, a JSON body and the verdict on a status.</summary>
internal sealed class HttpPost(WebhookSender sender, AddressPolicy policy)
{
    public void CheckUrl(string? url, ICollection<Fault> faults)
    {
        if (WebhookUrl.TryParse(url, policy, out _, out var wrong)) return;
        foreach (var fault in wrong) faults.Add(new Fault("url", fault));
    }

    public static void CheckCredentials(EndpointSettings settings, ICollection<Fault> faults)
    {
        if (settings.User is null != settings.Password is null) faults.Add(new Fault(settings.User is null ? "user" : "password", "is missing; user and password go together."));
        if (settings.Token is not null && settings.User is not null) faults.Add(new Fault("token", "and user exclude each other."));
        if (settings.User?.Contains(':') == true) faults.Add(new Fault("user", "holds a ':', which ends a user name."));
        if (settings.Token?.Any(c => c is <= ' ' or > '~') == true) faults.Add(new Fault("token", "holds a space, a control character or a letter beyond ASCII."));
    }

    /// <param name="isSigned">False: the receiver knows our bodies by its own form, so 400, 413 and 422 speak about this very message, and sending it again would not help.</param>
    public async Task<WebhookResult> SendAsync(ChannelTarget target, string url, string id, ReadOnlyMemory<byte> body, string contentType, bool isSigned, CancellationToken cancel)
    {
        if (!WebhookUrl.TryParse(url, policy, out var parsed, out var faults)) return WebhookResult.Without(WebhookOutcome.Failed, string.Join(" ", faults), sender.Clock.GetUtcNow());
        var message = new WebhookMessage { Url = parsed, Id = id, Body = body, Secrets = isSigned ? target.Secrets : [], ContentType = contentType, Authorization = Authorization(target.Settings) };
        var result = await sender.SendAsync(message, cancel);
        return !isSigned && result.Status is 400 or 413 or 422 ? result with { Outcome = WebhookOutcome.Refused } : result;
    }

    public static byte[] Json(Action<Utf8JsonWriter> write)
    {
        var body = new ArrayBufferWriter<byte>(1_024);
        using (var json = new Utf8JsonWriter(body)) write(json);
        return body.WrittenSpan.ToArray();
    }

    public const string JsonType = "application/json; charset=utf-8";

    /// <summary>At most so many characters, cut with a sign and never within a surrogate pair.</summary>
    public static string Cut(string text, int length) => text.Length <= length ? text : text[..(char.IsHighSurrogate(text[length - 2]) ? length - 2 : length - 1)] + "…";

    private static string? Authorization(EndpointSettings settings) => settings switch
    {
        { Token: { } token } => "Bearer " + token,
        { User: { } user, Password: { } password } => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")),
        _ => null,
    };
}
