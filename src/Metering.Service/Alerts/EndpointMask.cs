using System.Text.Json;
using System.Text.Json.Nodes;
using Metering.Service.Ledger;

namespace Metering.Service.Alerts;

/// <summary>An endpoint as lists, audit and answers show it: that something secret is there is told, and nothing of it. URLs of Slack and Teams are secrets themselves, and so may be what a URL asks for.</summary>
internal static class EndpointMask
{
    private const string Mask = "…";

    public static JsonObject Of(EndpointSettings settings)
    {
        var shown = settings with { Url = Url(settings), Token = Text(settings.Token), Password = Text(settings.Password), RoutingKey = Text(settings.RoutingKey) };
        return JsonSerializer.SerializeToNode(shown, LedgerJson.Options)!.AsObject();
    }

    /// <summary>What comes back as it was shown stays what it is.</summary>
    public static EndpointSettings Keep(EndpointSettings wanted, EndpointSettings known) => wanted.Channel != known.Channel ? wanted : wanted with
    {
        Url = wanted.Url == Url(known) ? known.Url : wanted.Url,
        Token = wanted.Token == Mask ? known.Token : wanted.Token,
        Password = wanted.Password == Mask ? known.Password : wanted.Password,
        RoutingKey = wanted.RoutingKey == Mask ? known.RoutingKey : wanted.RoutingKey,
    };

    private static string? Text(string? secret) => secret is null ? null : Mask;

    private static string? Url(EndpointSettings settings)
    {
        if (settings.Url is not { } url || !Uri.TryCreate(url, UriKind.Absolute, out var uri)) return settings.Url;
        if (settings.Channel is "slack" or "teams") return uri.GetLeftPart(UriPartial.Authority) + "/" + Mask;
        return uri.Query.Length > 1 ? uri.GetLeftPart(UriPartial.Path) + "?" + Mask : url;
    }
}
