namespace Metering.Service.Alerts.Routing;

/// <summary>A maintenance silence: alerts that match are recorded and not sent from <see cref="StartsAt"/> to <see cref="EndsAt"/>.</summary>
/// <param name="Match">Labels and their values, <c>*</c> allowed; all have to match.</param>
public sealed record Silence(string Id, IReadOnlyDictionary<string, string> Match, DateTimeOffset StartsAt, DateTimeOffset EndsAt, string Author, string Comment)
{
    public bool IsActive(DateTimeOffset now) => StartsAt <= now && now < EndsAt;

    public bool Matches(IReadOnlyDictionary<string, string> labels) => Match.All(pair => Pattern.Matches(pair.Value, labels.GetValueOrDefault(pair.Key, "")));
}
