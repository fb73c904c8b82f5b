"""The peer for records: FastAPI with SQLAlchemy's async ORM on psycopg, written the way their documentation does."""

import os
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from sqlalchemy import DateTime, MetaData
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from benchmarks.stage import PEER_SECRET


class Base(DeclarativeBase):
    # Its own metadata: Accord's tables are declared in another.
    metadata = MetaData()


class User(Base):
    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str]
    first_name: Mapped[str]
    last_name: Mapped[str]
    role: Mapped[str]
    email_verified_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    disabled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    version: Mapped[int]


class UserOut(BaseModel):
    model_config = ConfigDict(from_attributes=True, alias_generator=to_camel, populate_by_name=True)

    id: UUID
    email: str
    first_name: str
    last_name: str
    role: str
    email_verified_at: datetime | None
    disabled_at: datetime | None
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime
    version: int


class UserChange(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    expected_version: int
    first_name: str | None = None
    last_name: str | None = None


def application() -> FastAPI:
    """Return the peer on DATABASE_URL."""
    url = os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:", 1)
    engine = create_async_engine(url, pool_size=int(os.environ["DATABASE_POOL_SIZE"]), max_overflow=0)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    async def session_of_request():
        async with sessions() as session:
            yield session

    Session = Annotated[AsyncSession, Depends(session_of_request)]  # noqa: N806 - a type

    async def signed_in(token: Annotated[str, Depends(bearer)], session: Session) -> User:
        try:
            claims = jwt.decode(token, PEER_SECRET, algorithms=["HS256"])
        except jwt.InvalidTokenError as error:
            raise HTTPException(401) from error
        user = await session.get(User, UUID(claims["sub"]))
        if user is None:
            raise HTTPException(401)
        return user

    Me = Annotated[User, Depends(signed_in)]  # noqa: N806 - a type

    @app.get("/api/v1/me")
    async def get_me(me: Me) -> UserOut:
        return me  # type: ignore[return-value]  # FastAPI makes it one

    @app.patch("/api/v1/me")
    async def update_me(change: UserChange, me: Me, session: Session) -> UserOut:
        for name, value in change.model_dump(exclude_unset=True, exclude={"expected_version"}).items():
            setattr(me, name, value)
        me.version += 1
        me.updated_at = datetime.now(UTC)
        await session.commit()
        return me  # type: ignore[return-value]

    return app
