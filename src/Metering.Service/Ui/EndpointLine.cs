namespace Metering.Service.Ui;

/// <summary>One endpoint in the table.</summary>
/// <param name="Waiting">Deliveries that are pending.</param>
internal sealed record EndpointLine(string Id, string Channel, string To, string? Disabled, DateTimeOffset? FailingSince, long Waiting, long Dead)
{
    public string State => Disabled is not null ? "disabled" : FailingSince is not null ? "failing" : "fine";
}
