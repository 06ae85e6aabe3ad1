namespace Metering.Service.Alerts;

/// <summary>A delivery as the API shows it.</summary>
internal sealed record DeliveryView(string EventId, string State, int Attempts, DateTimeOffset CreatedAt, DateTimeOffset? NextAttemptAt, int? LastStatus, string? LastError)
{
    public static DeliveryView Of(Delivery row) => new(row.EventId, row.State, row.Attempts, Units.UnixTime.FromMicroseconds(row.CreatedAt),
        row.State == Delivery.Pending ? Units.UnixTime.FromMicroseconds(row.NextAttemptAt) : null, row.LastStatus, row.LastError);
}
